"""What containers print, through a server: those who follow it and go leave nothing behind."""
import socket

import pytest

from support.api_client import Api
from support.containers import running_shop
from support.cooper import wait_for
from support.rack_client import servers_of

# More than a server has workers for what takes long.
FOLLOWERS = 150


@pytest.fixture
def shop(docker_engine, root, tmp_path):
    """An app of which one release runs in a container."""
    with running_shop(docker_engine, root, tmp_path) as made:
        yield made


def follow(port, service=""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=180)
    path = f"/v1/apps/shop/containers/logs?follow=true&service={service}"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer any\r\n\r\n".encode())
    return connection


def head(connection):
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(1) or pytest.fail(f"nothing after {text}")
    return text.decode()


def test_who_follows_containers_that_say_nothing_has_an_answer(shop):
    with servers_of(shop.cooper) as start:
        server = start()
        with follow(server.port) as followed:
            assert head(followed).startswith("HTTP/1.1 200 ")
        with follow(server.port, "none") as refused:
            assert head(refused).startswith("HTTP/1.1 404 ")


def test_who_follows_containers_and_goes_holds_up_nobody(shop):
    with servers_of(shop.cooper) as start:
        server = start()
        api = Api(server.port)
        for _ in range(FOLLOWERS):
            follow(server.port).close()
        build = api.get("listBuilds", app="shop")["items"][-1]["id"]
        log = wait_for(lambda: api.raw("GET", f"/v1/apps/shop/builds/{build}/log"), "a worker that is free", 180)
        assert log.status == 200 and log.body == shop.cooper.log("shop", build)
        with follow(server.port):  # which has nothing to read
            assert server.stop(180) == 0
