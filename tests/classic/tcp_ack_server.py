"""Acknowledging echo over TCP: answers every read but "exit" with one word, on IPv4 or IPv6 as its argument resolves."""
import socket
import sys

family, kind, protocol, _, address = socket.getaddrinfo(sys.argv[1], 0, type=socket.SOCK_STREAM)[0]
server = socket.socket(family, kind, protocol)
server.bind(address)
server.listen(1)
host, port = server.getsockname()[:2]
print("tcp://%s:%d" % ("[%s]" % host if ":" in host else host, port))
while True:
    connection, _ = server.accept()
    while True:
        message = connection.recv(1024)
        if not message or message == b"exit":
            break
        connection.send(b"Acknowledgement")
    connection.close()
