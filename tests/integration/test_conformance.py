"""Every engine that is here does the same: one suite, run against each."""
import base64
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from support import docker
from support.cooper import BUSYBOX, HEAD, Cooper, ImageStore, build_id_of, files_below, limits_of, processes_of, wait_for
from test_failures import small_disk  # noqa: F401 (fixture)


class Buildah:
    def __init__(self, store: ImageStore):
        self.store, self.env = store, store.env
        self.images = store.images

    def load(self, archive):
        self.store.buildah("pull", f"docker-archive:{archive}").ok()

    def labels(self, reference):
        known = json.loads(self.store.buildah("inspect", "--type", "image", reference).ok().out)
        return known["Docker"]["config"]["Labels"]

    def architecture(self, reference):
        return json.loads(self.store.buildah("inspect", "--type", "image", reference).ok().out)["Docker"]["architecture"]


class Docker:
    def __init__(self, daemon: docker.DockerEngine):
        self.daemon, self.env = daemon, daemon.env
        self.images = daemon.images

    def load(self, archive):
        status, body = self.daemon.ask("POST", "/images/load", archive.read_bytes())
        assert status == 200 and b"error" not in body, body

    def labels(self, reference):
        return self.daemon.image(reference)["Config"]["Labels"]

    def architecture(self, reference):
        return self.daemon.image(reference)["Architecture"]


@pytest.fixture(scope="module", params=["buildah", "docker"])
def engine(request):
    if request.param == "buildah":
        return Buildah(request.getfixturevalue("store"))
    return Docker(request.getfixturevalue("docker_engine"))


@pytest.fixture
def cooper(root, engine):
    runner = Cooper(root, engine.env)
    yield runner
    runner.close()


def instructions(cooper, build, app="hello"):
    """{instruction: was it cached?} of the steps that a cache can spare"""
    return {s["text"]: s["cached"] for s in cooper.steps(app, build)
            if s["text"].split()[0] in ("COPY", "RUN")}


def test_labels_tell_whose_an_image_is_and_spare_the_cache(cooper, engine, app):
    folder = app(HEAD + "LABEL org.opencontainers.image.version=mine\nRUN echo hi\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    for words in (["init", "-q"], ["remote", "add", "origin", "https://me:pass@git.example/hello.git"],
                  ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    first, second = (build_id_of(cooper("build", folder, "-a", "hello", "--force").ok().out) for _ in range(2))
    for build in (first, second):
        labels = engine.labels(f"localhost/hello:web.{build}")
        record = cooper.record("hello", build)
        assert labels.items() >= {
            "cooper.app": "hello", "cooper.build": build, "cooper.service": "web",
            "org.opencontainers.image.revision": record["git_sha"],
            "org.opencontainers.image.source": "https://git.example/hello.git",
            "org.opencontainers.image.version": "mine"}.items()
        created = labels["org.opencontainers.image.created"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
        assert record["started_at"][:19] <= created[:19] <= record["finished_at"][:19]
    assert all(instructions(cooper, second).values()), "labels are no reason to run a step again"
    log = cooper.log("hello", second).decode()
    counts = re.search(r"(\d+) of (\d+) steps cached", log)
    assert counts[1] == counts[2] and "cooper.app" not in log, log


def test_labels_are_on_the_image_of_a_stage_that_is_not_the_last(cooper, engine, app):
    folder = app(HEAD.replace("scratch", "scratch AS base") + "FROM base AS development\nRUN echo > /dev-only\n"
                 "FROM base\nRUN exit 1\n")
    build = build_id_of(cooper("build", folder, "-a", "hello", "--development").ok().out)
    assert engine.labels(f"localhost/hello:web.{build}")["cooper.build"] == build
    assert "RUN exit 1" not in instructions(cooper, build)


def test_a_syntax_line_follows_the_property(cooper, app):
    folder = app("# syntax=127.0.0.1:1/no/such:1\n" + HEAD)
    build = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    assert b"Dockerfile:1: # syntax=127.0.0.1:1/no/such:1 is ignored (property syntax)\n" in cooper.log("hello", build)
    cooper("builds", "set", "-a", "hello", "syntax", "deny").ok()
    done = cooper("build", folder, "-a", "hello")
    reason = cooper.record("hello", build_id_of(done.out + done.err))["reason"]
    assert reason.startswith("service web: Dockerfile:1: the line # syntax=127.0.0.1:1/no/such:1"), reason
    cooper("builds", "set", "-a", "hello", "syntax", "allow").ok()
    done = cooper("build", folder, "-a", "hello")
    build = build_id_of(done.out + done.err)
    record, log = cooper.record("hello", build), cooper.log("hello", build).decode()
    if record["engine"].startswith("buildah"):
        assert "# syntax=127.0.0.1:1/no/such:1 has no effect: buildah reads Dockerfiles itself\n" in log
    else:
        assert record["status"] == "failed" and "127.0.0.1:1/v2/no/such" in record["reason"], record["reason"]


def test_a_second_build_is_cached_and_a_changed_file_is_seen(cooper, app):
    folder = app(HEAD + "COPY text /text\nRUN cat /text\n", {"text": "one"})
    cooper("build", folder, "-a", "hello").ok()
    again = build_id_of(cooper("build", folder, "-a", "hello", "--force").ok().out)
    assert list(instructions(cooper, again).values()) == [True, True, True]
    # The same size, and a time that archives do not keep: only the content tells.
    (folder / "text").write_text("two")
    changed = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    steps = instructions(cooper, changed)
    assert steps["COPY busybox /bin/busybox"] and not steps["COPY text /text"]
    assert b"two" in cooper.log("hello", changed)
    uncached = build_id_of(cooper("build", folder, "-a", "hello", "--no-cache").ok().out)
    assert list(instructions(cooper, uncached).values()) == [False, False, False]


def test_a_failing_step_is_named_with_its_line_and_exit_code(cooper, engine, app):
    folder = app(HEAD + "# why\nRUN echo before; \\\n    exit 7\nRUN echo never\n")
    done = cooper("build", folder, "-a", "hello")
    assert done.code != 0
    build = build_id_of(done.out + done.err)
    record = cooper.record("hello", build)
    assert record["status"] == "failed" and record["exit_code"] == 7
    assert re.search(r"step \d/\d RUN echo before; .*exit 7 \(Dockerfile:5\): exit status 7", record["reason"])
    log = cooper.log("hello", build).decode()
    assert "before\n" in log and "> 5 | RUN echo before" in log
    assert [s.get("exit") for s in cooper.steps("hello", build) if s["text"].startswith("RUN")] == [7]
    assert not [name for name in engine.images() if build in name]


def test_a_failure_in_a_large_dockerfile_is_told_as_any(cooper, app):
    # A daemon's error holds the whole file, twice, which is more than gRPC takes by default.
    folder = app(HEAD + "# filler that nobody reads\n" * 4000 + "RUN exit 9\n")
    done = cooper("build", folder, "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["exit_code"] == 9 and "RUN exit 9 (Dockerfile:4004): exit status 9" in record["reason"], record["reason"]


def test_ignored_files_do_not_travel(cooper, app):
    folder = app(HEAD + "COPY . /all\nRUN /bin/busybox find /all | /bin/busybox sort\n",
                 {".dockerignore": "secret\n*.log\n!keep.log\n", "secret/key": "x", "a.log": "x",
                  "keep.log": "x", "sub/b": "x"})
    log = cooper.log("hello", build_id_of(cooper("build", folder, "-a", "hello").ok().out)).decode()
    assert "/all/keep.log" in log and "/all/sub/b" in log
    assert "secret" not in log and "a.log" not in log


def test_services_are_built_at_once_and_told_apart(cooper, engine, app, gate):
    # One waits at the gate for the test, so the other is built meanwhile or never.
    folder = app("", {
        "convox.yml": "services:\n  one:\n    build: one\n  two:\n    build: two\n",
        "one/Dockerfile": HEAD + f"RUN {gate.command.replace('nc', '/bin/busybox nc')}\n",
        "two/Dockerfile": HEAD + "RUN echo in two\n"})
    for service in ("one", "two"):
        shutil.copy(BUSYBOX, folder / service / "busybox")
    process = cooper.start("build", folder, "-a", "hello", "-j", "2")
    build = cooper.wait_for_new_build("hello")
    gate.wait()
    cooper.wait_for_log("hello", build, "Made the image of two")
    gate.open()
    assert process.wait(180) == 0
    record = cooper.record("hello", build)
    assert sorted(record["images"]) == ["one", "two"]
    log = cooper.log("hello", build).decode()
    assert "two | in two\n" in log and re.search(r"^one \| .*RUN /bin/busybox nc", log, re.M)


def sleeper(number):
    """(What sleeps for so long that nobody else of this host does, its command line)"""
    seconds = f"{number}{os.getpid()}"
    return f"exec /bin/busybox sleep {seconds}", f"sleep\0{seconds}\0"


def test_cancel_ends_the_step_in_the_engine_and_leaves_no_image(cooper, engine, app):
    sleep, words = sleeper(4711)
    folder = app(HEAD + f"RUN echo sleeping; {sleep}\n")
    process = cooper.start("build", folder, "-a", "hello")
    build = cooper.wait_for_new_build("hello")
    cooper.wait_for_log("hello", build, "\nsleeping\n")
    # The shell has said so, and becomes the sleeper a moment later.
    wait_for(lambda: processes_of(words), "the step's sleeper")
    cooper("builds", "cancel", build, "-a", "hello").ok()
    assert not processes_of(words)
    process.wait(180)
    record = cooper.record("hello", build)
    assert record["status"] == "canceled" and record["exit_code"] == -1
    assert not [name for name in engine.images() if build in name]
    assert "exit" not in cooper.steps("hello", build)[-1]


def test_a_build_that_takes_too_long_is_ended(cooper, engine, app):
    sleep, words = sleeper(4714)
    folder = app(HEAD + f"RUN echo sleeping; {sleep}\n")
    cooper("apps", "create", "hello").ok()
    cooper("builds", "set", "-a", "hello", "timeout", "2s").ok()
    done = cooper("build", folder, "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["status"] == "failed" and record["exit_code"] == 124, record
    assert not processes_of(words)


def test_build_args_reach_only_dockerfiles_that_declare_them(cooper, app):
    folder = app(HEAD + 'ARG WORD=none\nRUN echo "word $WORD other $OTHER"\n')
    for args, text in (([], "word none other "), (["--build-args", "WORD=one", "--build-args", "OTHER=x"],
                                                  "word one other ")):
        build = build_id_of(cooper("build", folder, "-a", "hello", *args).ok().out)
        assert f"\n{text}\n" in cooper.log("hello", build).decode()


SECRET = "correct horse/battery=staple"


def kept(cooper):
    """Every byte beneath the data root."""
    files = files_below(cooper.root)
    assert len(files) > 3
    return b"\n".join(files.values())


def test_a_secret_reaches_its_mount_and_nothing_else(cooper, engine, app, tmp_path, gate):
    (tmp_path / "token").write_text(SECRET + "\n")
    folder = app(HEAD + "RUN --mount=type=secret,id=token cat /run/secrets/token; "
                 "/bin/busybox base64 /run/secrets/token; "
                 f"/bin/busybox {gate.command}\n"
                 "RUN test ! -e /run/secrets/token && echo it is gone\n"
                 "RUN --mount=type=secret,id=of.env,target=/here test \"$(cat /here)\" = 'by variable' && echo it is here\n")
    process = cooper.start("build", folder, "-a", "hello", "--secret", f"id=token,src={tmp_path / 'token'}",
                           "--secret", "id=of.env,env=OF_ENV", env={"OF_ENV": "by variable"})
    gate.wait()
    assert not processes_of(SECRET), "no command line and no environment holds it"
    gate.open()
    assert process.wait(180) == 0, process.communicate()
    (build,) = cooper.build_ids("hello")
    log = cooper.log("hello", build).decode()
    assert log.count("[redacted]") >= 2 and "it is gone\n" in log and "it is here\n" in log, log
    bytes_kept = kept(cooper)
    for form in (SECRET.encode(), base64.b64encode(SECRET.encode())[:-4], b"by variable"):
        assert form not in bytes_kept.replace(b"= 'by variable'", b""), form


def test_a_secret_that_must_be_there_is_missed(cooper, app):
    folder = app(HEAD + "RUN --mount=type=secret,id=absent,required=true cat /run/secrets/absent\n")
    done = cooper("build", folder, "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["status"] == "failed" and "absent" in record["reason"], record["reason"]


@pytest.fixture
def agent(tmp_path):
    """An ssh agent with one key: (environment, the key's fingerprint)."""
    if not shutil.which("ssh-agent"):
        pytest.skip("ssh-agent is not installed (Debian: openssh-client)")
    folder = tempfile.mkdtemp(prefix="cooper-agent-")  # short: a socket's path has 107 bytes
    socket = f"{folder}/socket"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    env = {**os.environ, "SSH_AUTH_SOCK": socket}

    def answers():
        return subprocess.run(["ssh-add", "-l"], env=env, capture_output=True, check=False).returncode != 2
    try:
        wait_for(answers, "the agent")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
        subprocess.run(["ssh-add", "-q", tmp_path / "key"], env=env, check=True)
        listed = subprocess.run(["ssh-add", "-l"], env=env, check=True, capture_output=True, text=True)
        yield env, listed.stdout.split()[1]
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def with_libraries(program, folder):
    """Puts a program of the host's and its libraries beneath `folder`, at the same paths."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in (program, *re.findall(r"(/\S+) \(0x", listed)):
        target = pathlib.Path(f"{folder}{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)


def test_an_ssh_agent_is_forwarded_for_use_but_not_for_change(cooper, app, agent):
    env, fingerprint = agent
    folder = app("FROM scratch\nCOPY busybox /bin/busybox\nCOPY host /\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\n"
                 "RUN --mount=type=ssh /usr/bin/ssh-add -l; /usr/bin/ssh-add -D; /usr/bin/ssh-add -l\n"
                 "RUN --mount=type=ssh,id=other /usr/bin/ssh-add -l | /bin/busybox sed 's/^/other /'\n")
    with_libraries("/usr/bin/ssh-add", folder / "host")
    done = cooper("build", folder, "-a", "hello", "--ssh", "default", "--ssh", f"other={env['SSH_AUTH_SOCK']}",
                  env={"SSH_AUTH_SOCK": env["SSH_AUTH_SOCK"]}).ok()
    log = cooper.log("hello", build_id_of(done.out)).decode()
    assert log.count(fingerprint) == 3, log
    assert re.search(rf"^other 256 {re.escape(fingerprint)}", log, re.M), log
    still = subprocess.run(["ssh-add", "-l"], env=env, capture_output=True, text=True, check=False)
    assert fingerprint in still.stdout, "the build removed a key from the agent"


FOREIGN = "linux/s390x"


def test_an_image_for_another_platform_is_made_where_nothing_of_it_must_run(cooper, engine, app):
    folder = app("FROM --platform=$BUILDPLATFORM scratch AS tools\nCOPY busybox /bin/busybox\n"
                 'RUN ["/bin/busybox", "touch", "/made-here"]\n'
                 "FROM scratch\nCOPY --from=tools /made-here /\n")
    build = build_id_of(cooper("build", folder, "-a", "hello", "--platform", FOREIGN).ok().out)
    assert engine.architecture(f"localhost/hello:web.{build}") == "s390x"
    assert cooper.record("hello", build)["platform"] == FOREIGN


@pytest.mark.skipif(os.path.exists("/proc/sys/fs/binfmt_misc/qemu-s390x"), reason="this host runs s390x")
def test_a_platform_that_cant_run_here_is_refused_before_anything_is_built(cooper, app):
    done = cooper("build", app(HEAD + "RUN echo never\n"), "-a", "hello", "--platform", FOREIGN)
    build = build_id_of(done.out + done.err)
    reason = cooper.record("hello", build)["reason"]
    assert re.match(rf"service web: Dockerfile:4: \S+ \S+ can't run {FOREIGN} here, only linux/", reason), reason
    assert cooper.steps("hello", build) == []


def keeps_limits(engine):
    """Debian 12's BuildKit can't put what it runs into a group of ours."""
    return isinstance(engine, Buildah) or "COOPER_TEST_DOCKER" in os.environ


def limited(cooper, name="hello", **limits):
    cooper("apps", "create", name).ok()
    for key, value in limits.items():
        cooper("builds", "set", "-a", name, key, value).ok()


def test_limits_hold_for_what_run_instructions_run_or_it_is_said(cooper, engine, app, gate):
    name = f"hello-{os.getpid()}"  # of which no other test has a control group
    limited(cooper, name, memory="512m", cpus="0.5")
    folder = app(HEAD + "RUN echo begun\n" + f"RUN /bin/busybox {gate.command}\n")
    process = cooper.start("build", folder, "-a", name)
    gate.wait()
    (pid,) = processes_of(f"/bin/busybox {gate.command.split(' <')[0]}".replace(" ", "\0"))
    held = limits_of(pid)
    gate.open()
    assert process.wait(180) == 0
    (build,) = cooper.build_ids(name)
    log, maker = cooper.log(name, build).decode(), cooper.record(name, build)["engine"]
    assert held == ((512 << 20, 0.5) if keeps_limits(engine) else (math.inf, math.inf)), log
    said = [line for line in log.splitlines() if line.startswith("warning: ")]
    assert said == ([] if keeps_limits(engine) else [
        "warning: the memory limit of 512 MiB and the limit of 0.5 CPUs are not enforced: RUN instructions are run by "
        f"the daemon of {maker}"]), log
    # The group does not make another step of it.
    again = build_id_of(cooper("build", folder, "-a", name, "--force").ok().out)
    assert all(instructions(cooper, again, name).values())
    # os.walk passes over groups that end meanwhile: those of other builds.
    assert not [at for at, _, _ in os.walk("/sys/fs/cgroup") if at.endswith(f"/cooper/daemon.{name}")]


def test_what_needs_more_memory_than_allowed_is_killed_and_named(cooper, engine, app):
    limited(cooper, memory="64m")
    done = cooper("build", app(HEAD + "RUN /bin/busybox head -c 200000000 /dev/zero | /bin/busybox tail -c 200000000 "
                               "> /dev/null\n"), "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    if keeps_limits(engine):
        assert record["exit_code"] == 137, record
        assert "it needs more than 64 MiB (property memory)" in record["reason"], record["reason"]
    else:
        assert record["status"] == "succeeded"


def test_images_are_written_as_archives_that_can_be_loaded(cooper, engine, app, tmp_path):
    folder = app(HEAD, {"convox.yml": "services:\n  web:\n    build: .\n  worker:\n    build: .\n"})
    out = tmp_path / "a:b" / "out"  # a colon that buildah would end the path at
    build = build_id_of(cooper("build", folder, "-a", "hello", "--output", out).ok().out)
    images = {service: f"localhost/hello:{service}.{build}" for service in ("web", "worker")}
    before = {image: engine.images()[image] for image in images.values()}
    out = out.rename(tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["web.tar", "worker.tar"]
    assert sum(step["text"].startswith("SAVE ") for step in cooper.steps("hello", build)) == 2
    cooper("builds", "remove", build, "-a", "hello").ok()
    assert not before.keys() & engine.images().keys()
    for service, image in images.items():
        engine.load(out / f"{service}.tar")
        assert engine.images()[image] == before[image]


def test_archives_that_can_not_be_written_fail_the_build(cooper, engine, app, tmp_path, small_disk):  # noqa: F811
    big = app(HEAD + "COPY noise /\n", {"noise": os.urandom(12 << 20)})
    done = cooper("build", big, "-a", "hello", "--output", small_disk)
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert done.code == 1 and record["status"] == "failed"
    assert record["reason"].startswith(f"service web: {small_disk}/web.tar: "), record["reason"]
    assert "no space left on device" in record["reason"].lower()
    assert not list(small_disk.iterdir())
    (tmp_path / "file").touch()
    done = cooper("build", big, "-a", "hello", "--output", tmp_path / "file")
    assert done.code == 1 and str(tmp_path / "file") in done.err and "STEP" not in done.out
