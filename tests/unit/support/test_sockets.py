"""The guard of the unit ring: no connection, no name looked up."""

import socket

import pytest

from tests.support.sockets import SocketClosed


def test_a_unit_test_cannot_connect_even_to_loopback():
    with socket.socket() as connection, pytest.raises(SocketClosed):
        connection.connect(("127.0.0.1", 9))


def test_a_unit_test_cannot_look_up_a_name():
    with pytest.raises(SocketClosed):
        socket.getaddrinfo("upstream.example", 80)
