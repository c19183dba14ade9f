#pragma once
// What buildah 1.28.2 really printed, byte by byte (stdout and stderr through one
// pipe), for the tests of what reads it.

#include <string_view>

namespace cooper::engine::captures {

// A first build of one stage.
inline constexpr std::string_view kPlain = R"x(STEP 1/5: FROM localhost/base
STEP 2/5: ARG NAME=nobody
STEP 3/5: COPY hi /hi
STEP 4/5: RUN echo "hello $NAME" && echo oops >&2
hello nobody
oops
STEP 5/5: CMD ["cat", "/hi"]
COMMIT localhost/app:web.1
Successfully tagged localhost/app:web.1
)x";

// The same again, with two tags; it names the earlier tags, too.
inline constexpr std::string_view kCached = R"x(STEP 1/5: FROM localhost/base
STEP 2/5: ARG NAME=nobody
--> Using cache b766759b59949a487239b89260fbee121cf71338c36b1460fad8a64abb7980fe
STEP 3/5: COPY hi /hi
--> Using cache 9623b32083d1d98c11e36ac47801801b15801aa2ab1730993d0d80153c35c292
STEP 4/5: RUN echo "hello $NAME" && echo oops >&2
--> Using cache 7edfc1903c0e16652a3caeeb856ab4a5474dbce4aa0aa44043161e62af9f48f6
STEP 5/5: CMD ["cat", "/hi"]
--> Using cache 6fa9d498b2316a66b22edb9703d19709dbc969c5c71c95958e49e9be4d70bc18
COMMIT localhost/app:web.3
Successfully tagged localhost/app:web.3
Successfully tagged localhost/app:web.2
Successfully tagged localhost/app:web.1
Successfully tagged localhost/app:worker.3
)x";

// Three stages, of which the second is not needed.
inline constexpr std::string_view kStages = R"x([1/3] STEP 1/2: FROM localhost/base AS build
[1/3] STEP 2/2: RUN echo compiled > /out && echo working
working
[3/3] STEP 1/3: FROM localhost/base
[3/3] STEP 2/3: COPY --from=build /out /out
[3/3] STEP 3/3: RUN cat /out
compiled
[3/3] COMMIT localhost/m:1
Successfully tagged localhost/m:1
)x";

inline constexpr std::string_view kStagesCached = R"x([1/3] STEP 1/2: FROM localhost/base AS build
[1/3] STEP 2/2: RUN echo compiled > /out && echo working
--> Using cache 4426b3e36d4a50444b97c15926733829846e15e795a854281a39658db36b7815
[3/3] STEP 1/3: FROM localhost/base
[3/3] STEP 2/3: COPY --from=build /out /out
--> Using cache c27196d0f6d0af9aa6ba280e87057e9258855b294a455f5ffe6e75552499b9ce
[3/3] STEP 3/3: RUN cat /out
--> Using cache 5d2c82165eb93fa9bf35343ad1a1844ec7c41769c9def0e4a7842159586cbe95
[3/3] COMMIT localhost/m:2
Successfully tagged localhost/m:2
Successfully tagged localhost/m:1
)x";

// A RUN that prints what buildah prints, then fails.
inline constexpr std::string_view kImitation = R"x(STEP 1/3: FROM localhost/base
STEP 2/3: RUN echo before; echo "STEP 3/3: RUN true"; echo "--> Using cache 28b859aafa5913346572a99ba7e90f376d74d96246a94366193c856acc267aa7"; echo "STEP 7/9: x"; echo "COMMIT foo"; echo "Error: no"; exit 42
before
STEP 3/3: RUN true
--> Using cache 28b859aafa5913346572a99ba7e90f376d74d96246a94366193c856acc267aa7
STEP 7/9: x
COMMIT foo
Error: no
Error: building at STEP "RUN echo before; echo "STEP 3/3: RUN true"; echo "--> Using cache 28b859aafa5913346572a99ba7e90f376d74d96246a94366193c856acc267aa7"; echo "STEP 7/9: x"; echo "COMMIT foo"; echo "Error: no"; exit 42": while running runtime: exit status 42
)x";

// RUNs that print carriage returns and no newline at their end, the first with an imitation.
inline constexpr std::string_view kGlued = R"x(STEP 1/3: FROM localhost/base
STEP 2/3: RUN printf 'one\rtwo\r\nthree'; printf 'STEP 3/3'; printf ': RUN true'
one
two
threeSTEP 3/3: RUN trueSTEP 3/3: RUN printf 'no newline'
no newlineCOMMIT
)x";

inline constexpr std::string_view kGluedError = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: RUN printf 'partial'; exit 3
partialError: building at STEP "RUN printf 'partial'; exit 3": while running runtime: exit status 3
)x";

inline constexpr std::string_view kStageFails = R"x([1/2] STEP 1/2: FROM localhost/base AS a
[1/2] STEP 2/2: RUN echo a
a
[2/2] STEP 1/3: FROM localhost/base
[2/2] STEP 2/3: COPY --from=a /etc /x
[2/2] STEP 3/3: RUN ["/bin/busybox", "false"]
Error: building at STEP "RUN /bin/busybox false": while running runtime: exit status 1
)x";

inline constexpr std::string_view kNoProgram = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: RUN ["/nonexistent", "x"]
error running container: from /usr/sbin/runc creating container for [/nonexistent x]: time="2026-11-21T07:34:21Z" level=error msg="runc create failed: unable to start container process: exec: \"/nonexistent\": stat /nonexistent: no such file or directory"
: exit status 1
Error: building at STEP "RUN /nonexistent x": while running runtime: exit status 1
)x";

// Its first process was killed for memory.
inline constexpr std::string_view kKilled = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: RUN exec tail /dev/zero
container exited on killed
Error: building at STEP "RUN exec tail /dev/zero": while running runtime: exit status 1
)x";

// Its shell lived on.
inline constexpr std::string_view kShellSawKill = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: RUN echo go; tail /dev/zero; echo "rc $?"; exit 2
go
Killed
rc 137
Error: building at STEP "RUN echo go; tail /dev/zero; echo "rc $?"; exit 2": while running runtime: exit status 2
)x";

inline constexpr std::string_view kNoHost = R"x(STEP 1/2: FROM nosuch.invalid/x/y:1
Trying to pull nosuch.invalid/x/y:1...
Error: creating build container: initializing source docker://nosuch.invalid/x/y:1: pinging container registry nosuch.invalid: Get "https://nosuch.invalid/v2/": dial tcp: lookup nosuch.invalid on 192.0.2.53:53: no such host
)x";

// Buildah tries again by itself.
inline constexpr std::string_view kRefused = R"x(STEP 1/2: FROM localhost/nosuchimage:1
Trying to pull localhost/nosuchimage:1...
time="2026-11-21T07:34:22Z" level=warning msg="Failed, retrying in 2s ... (1/3). Error: initializing source docker://localhost/nosuchimage:1: pinging container registry localhost: Get \"https://localhost/v2/\": dial tcp 127.0.0.1:443: connect: connection refused"
time="2026-11-21T07:34:24Z" level=warning msg="Failed, retrying in 2s ... (2/3). Error: initializing source docker://localhost/nosuchimage:1: pinging container registry localhost: Get \"https://localhost/v2/\": dial tcp 127.0.0.1:443: connect: connection refused"
time="2026-11-21T07:34:26Z" level=warning msg="Failed, retrying in 2s ... (3/3). Error: initializing source docker://localhost/nosuchimage:1: pinging container registry localhost: Get \"https://localhost/v2/\": dial tcp 127.0.0.1:443: connect: connection refused"
Error: creating build container: initializing source docker://localhost/nosuchimage:1: pinging container registry localhost: Get "https://localhost/v2/": dial tcp 127.0.0.1:443: connect: connection refused
)x";

// A short name that the host's aliases know.
inline constexpr std::string_view kHubUnreachable = R"x(STEP 1/2: FROM node:18
Resolved "node" as an alias (/etc/containers/registries.conf.d/shortnames.conf)
Trying to pull docker.io/library/node:18...
Error: creating build container: initializing source docker://node:18: pinging container registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: no such host
)x";

inline constexpr std::string_view kBadInstruction = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: RUNN echo x
time="2026-11-21T07:34:29Z" level=error msg="+(UNHANDLED LOGLEVEL) &imagebuilder.Step{Env:[]string{\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"}, Command:\"runn\", Args:[]string{\"\"}, Flags:[]string{}, Attrs:map[string]bool(nil), Message:\"RUNN \", Original:\"RUNN echo x\"}"
Error: building at STEP "RUNN ": Build error: Unknown instruction: "RUNN" &imagebuilder.Step{Env:[]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Command:"runn", Args:[]string{""}, Flags:[]string{}, Attrs:map[string]bool(nil), Message:"RUNN ", Original:"RUNN echo x"}
)x";

inline constexpr std::string_view kNoFrom = R"x(Error: no FROM statement found
)x";

inline constexpr std::string_view kEmptyFile = R"x(Error: no contents in "empty.df"
)x";

inline constexpr std::string_view kBadCopy = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: COPY hi
Error: building at STEP "COPY hi": COPY requires at least one argument
)x";

inline constexpr std::string_view kAbsentSource = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: COPY nothere /x
Error: building at STEP "COPY nothere /x": checking on sources under "/src/app": copier: stat: "/nothere": no such file or directory
)x";

inline constexpr std::string_view kAbsentStage = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: COPY --from=nostage /x /x
Error: COPY --from=nostage: no stage or image found with that name
)x";

inline constexpr std::string_view kAbsentTarget =
    R"x(Error: The target "nope" was not found in the provided Dockerfile
)x";

// From other runs: a registry that has no such tag; RUNs isolated by chroot.
inline constexpr std::string_view kNoSuchTag = R"x(STEP 1/2: FROM 127.0.0.1:5055/base:2
Trying to pull 127.0.0.1:5055/base:2...
Error: creating build container: initializing source docker://127.0.0.1:5055/base:2: reading manifest 2 in 127.0.0.1:5055/base: manifest unknown: manifest unknown
)x";

inline constexpr std::string_view kNoSearchRegistries = R"x(STEP 1/2: FROM nopeshort
Error: creating build container: short-name "nopeshort" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"
)x";

inline constexpr std::string_view kChrootFails = R"x(STEP 1/2: FROM localhost/base
STEP 2/2: RUN printf 'partial'; exit 3
subprocess exited with status 3
Error: building at STEP "RUN printf 'partial'; exit 3": exit status 3
)x";

inline constexpr std::string_view kChrootNoShell = R"x(STEP 1/2: FROM scratch
STEP 2/2: RUN echo x
process failed to start with error: fork/exec /bin/sh: no such file or directoryprocess exited with error: exec: not startedsubprocess exited with status 1
Error: building at STEP "RUN echo x": exit status 1
)x";

}  // namespace cooper::engine::captures
