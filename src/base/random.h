#pragma once
// Random names.

#include <cstddef>
#include <string>

namespace cooper {

/// `length` characters of 0-9a-z from the kernel's generator.
std::string random_base36(std::size_t length);

}  // namespace cooper
