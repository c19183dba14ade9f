"""No secret reaches anything that cooper keeps of a build, in no form that it may be printed in."""
import base64
import json
import urllib.parse

import pytest

from support.cooper import BASE_IMAGE, build_id_of, files_below, make_app

VARIABLE = "of the variable ?>~+/\"\\ <&>"
OF_APP = "of-the-app=&%1"
OF_ALL = "of all apps\tä"
PASSWORD = "pass:word of the registry"
KEY = ["-----BEGIN KEY-----", "0123456789abcdef", "fedcba9876543210"]
SECRETS = [VARIABLE, OF_APP, OF_ALL, PASSWORD, *KEY]


def base64_inside(data, before):
    """The characters of `data`'s base64, behind `before` other bytes, that hold no neighbour's bit."""
    encoded = base64.b64encode(b"x" * before + data + b"y" * 3).decode()
    return encoded[(8 * before + 5) // 6:8 * (before + len(data)) // 6]


def forms(secret):
    """What a tool may print: {what must be hidden: what is printed}."""
    data, json_text = secret.encode(), json.dumps(secret, ensure_ascii=False)[1:-1]
    go_json = json_text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    printed = {text: text for text in (secret, urllib.parse.quote(secret, safe=""), json_text, go_json)}
    for before in range(3):
        whole = base64.b64encode(b"x" * before + data + b"y" * 3).decode()
        inside = base64_inside(data, before)
        printed[inside] = whole
        printed[inside.translate(str.maketrans("+/", "-_"))] = whole.translate(str.maketrans("+/", "-_"))
    return printed


@pytest.fixture
def keeper(cooper, tmp_path):
    """cooper on a host that knows all of SECRETS."""
    login = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"registry.example": {"auth": login}}}))
    cooper.env.update(REGISTRY_AUTH_FILE=str(tmp_path / "auth.json"), COOPER_REDACT=VARIABLE)
    cooper("apps", "create", "app").ok()
    said = cooper("builds", "set", "redact", "-", "-a", "app", input="\n".join([OF_APP, *KEY]) + "\n").ok()
    said.err += cooper("builds", "set", "redact", OF_ALL, "--global").ok().err
    said.err += str(cooper("builds", "settings", "-a", "app").ok()) + str(
        cooper("builds", "settings", "-a", "app", "--format", "json").ok())
    assert not [secret for secret in SECRETS if secret in said.err] and said.err.count("(hidden)") == 6, said.err
    return cooper


def kept(cooper):
    """Every byte of what cooper keeps, but the properties and what was asked for, which nobody is shown."""
    files = [data for path, data in files_below(cooper.root).items()
             if path.relative_to(cooper.root).parts[0] != "config" and "sources" not in path.parts]
    assert len(files) > 3
    return b"\n".join(files).decode(errors="replace")


def test_no_form_of_any_secret_is_kept(keeper, tmp_path):
    printed = {hidden: text for secret in SECRETS for hidden, text in forms(secret).items()}
    assert len(printed) > 5 * len(SECRETS)
    app = make_app(tmp_path / "app", {
        "printed": "".join(f"before {text} after\n" for text in printed.values()),
        "key": "\n".join(KEY) + "\n",
        "Dockerfile": f"FROM {BASE_IMAGE}\nCOPY printed key /\nRUN cat /printed; cat /key\n"
                      # each byte in a write of its own
                      "RUN dd if=/printed bs=1 2>/dev/null\n"
                      f"RUN echo {OF_APP.split('=', maxsplit=1)[0]}'={OF_APP.split('=', maxsplit=1)[1]}' "
                      f"'{OF_APP}'\n"})
    build = build_id_of(keeper("build", app, "--description", f"with {OF_APP} and {VARIABLE}").ok().out)
    log = keeper.log("app", build).decode()
    assert log.count("before ") == log.count(" after\n") == 2 * len(printed)
    assert keeper.record("app", build)["description"] == "with [redacted] and [redacted]"
    assert any("[redacted]" in step["text"] for step in keeper.steps("app", build))
    everything = kept(keeper)
    assert [hidden for hidden in printed if hidden in everything] == []


def test_why_a_build_failed_shows_no_secret(keeper, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo '{OF_APP}' && exit '7'\n"})
    done = keeper("build", app)
    assert done.code != 0 and OF_APP not in done.out + done.err
    record = keeper.record("app", keeper.build_ids("app")[-1])
    assert "[redacted]" in record["reason"] and OF_APP not in kept(keeper), record


def test_the_property_is_for_its_owner_only(keeper):
    files = list((keeper.root / "config").rglob("redact"))
    assert len(files) == 2 and {file.stat().st_mode & 0o777 for file in files} == {0o600}
