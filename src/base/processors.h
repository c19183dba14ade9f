#pragma once
// How much of the machine a process may use.

namespace cooper {

/// Processors that this process may run on, at least one: `taskset`, systemd's CPUAffinity and a
/// container's cpuset leave it fewer than the machine has, which is all that
/// std::thread::hardware_concurrency() tells (glibc since 2.35).
unsigned own_processors() noexcept;

}  // namespace cooper
