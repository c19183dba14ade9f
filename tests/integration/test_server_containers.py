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


def follow(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(b"GET /v1/apps/shop/containers/logs?follow=true HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                       b"Authorization: Bearer any\r\n\r\n")
    return connection


def test_who_follows_containers_and_goes_holds_up_nobody(shop):
    with servers_of(shop.cooper) as start:
        server = start()
        api = Api(server.port)
        for _ in range(FOLLOWERS):
            follow(server.port).close()
        build = api.get("listBuilds", app="shop")["items"][-1]["id"]
        log = wait_for(lambda: api.raw("GET", f"/v1/apps/shop/builds/{build}/log"), "a worker that is free", 60)
        assert log.status == 200 and log.body == shop.cooper.log("shop", build)
        with follow(server.port):  # which has nothing to read
            assert server.stop(60) == 0
