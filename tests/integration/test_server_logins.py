"""Failed logins at `cooper serve`: how often, from where, and who else suffers from it."""
import http.client
import time

import pytest


BURST = 10
EACH = 6  # seconds until one more may fail


@pytest.fixture
def tokens(plain_cooper):
    """Several: the servers of these tests let nobody in without one."""
    return [plain_cooper("tokens", "create", "--role", role).ok().out.strip() for role in ("admin", *["read"] * 4)]


def ask(server, secret=None, source="127.0.0.1", headers=None, path="/system"):
    """(status, headers) of one request from that address of this host."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60, source_address=(source, 0))
    sent = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    connection.request("GET", path, headers={**sent, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def guess(server, times, **options):
    return [ask(server, f"wrong{number}", **options)[0] for number in range(times)]


def while_slowed_down(server, check, **options):
    """What check() returns while guesses are refused: each EACH seconds one may fail again, which takes nobody by surprise here."""
    for _ in range(20):
        begun = time.monotonic()
        status, headers = ask(server, "wrong", **options)
        if status != 429:
            assert status == 401
            continue
        assert 1 <= int(headers["Retry-After"]) <= EACH
        if headers["Retry-After"] == "1":
            time.sleep(1)
            continue
        got = check()
        if time.monotonic() - begun < int(headers["Retry-After"]) - 1:
            return got
    raise AssertionError("guesses are not refused for long enough to look at what else is")


def test_guessing_is_slowed_down(serve, tokens):
    server = serve()
    begun = time.monotonic()
    got = guess(server, BURST + 10)
    again = (time.monotonic() - begun) // EACH + 1
    assert got[:BURST] == [401] * BURST
    assert set(got) <= {401, 429} and got.count(401) <= BURST + again, got
    # A good one that never came from there has to wait as well; from elsewhere it has not.
    stranger = tokens.pop()
    assert while_slowed_down(server, lambda: ask(server, stranger)[0]) == 429
    assert ask(server, tokens[0], source="127.0.0.2")[0] == 200


def test_who_was_let_in_before_is_still(serve, tokens):
    server = serve()
    assert ask(server, tokens[1])[0] == 200
    guess(server, BURST)
    stranger = tokens.pop()
    assert while_slowed_down(server, lambda: [ask(server, token)[0] for token in (tokens[1], stranger)]) == [200, 429]


def test_a_revoked_token_is_no_way_around(serve, tokens, plain_cooper):
    server = serve()
    assert ask(server, tokens[1])[0] == 200
    guess(server, BURST + 5)
    plain_cooper("tokens", "revoke", tokens[1].split("_")[1]).ok()
    assert ask(server, tokens[1])[0] == 401


def test_who_comes_without_credentials_guesses_nothing(serve, tokens):
    server = serve()
    for _ in range(3 * BURST):
        assert ask(server)[0] == 401
    assert ask(server, tokens[0])[0] == 200
    assert ask(server, path="/healthz")[0] == 200


def test_an_address_that_somebody_claims_means_nothing(serve, tokens):
    server = serve()
    for number in range(BURST):
        ask(server, "wrong", headers={"X-Forwarded-For": f"192.0.2.{number}"})
    claimed = {"X-Forwarded-For": "192.0.2.200"}
    assert while_slowed_down(server, lambda: ask(server, "wrong", headers=claimed)[0]) == 429


def test_a_trusted_proxy_says_whom_it_asks_for(serve, tokens):
    server = serve("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8")
    client = {"X-Forwarded-For": "6.6.6.6, 192.0.2.1, 10.0.0.7"}
    guess(server, BURST, headers=client)
    assert while_slowed_down(server, lambda: ask(server, "wrong", headers=client)[0], headers=client) == 429
    assert ask(server, "wrong", headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.2"})[0] == 401
    # It asks for hosts of any name: that of the server is the proxy's.
    assert ask(server, tokens[0], headers={"Host": "cooper.example"})[0] == 200
    # Another host that says so is none.
    assert ask(server, "wrong", source="127.0.0.2", headers=client)[0] == 401


def test_behind_a_proxy_tokens_are_needed(plain_cooper):
    done = plain_cooper("serve", "--listen", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1")
    assert done.code == 4 and "tokens create" in done.err, done
    bad = plain_cooper("serve", "--listen", "127.0.0.1:0", "--trusted-proxy", "proxy.example")
    assert bad.code == 2 and "no address of a proxy" in bad.err, bad
