"""The guard of the other rings: loopback only."""

import socket

import pytest

from tests.support.sockets import SocketClosed


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "198.51.100.7"])
def test_no_test_leaves_this_machine(address):
    with socket.socket() as connection, pytest.raises(SocketClosed):
        connection.connect((address, 9))
