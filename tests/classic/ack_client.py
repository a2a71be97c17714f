"""Client of the acknowledging echo. Arguments: host, port. Five messages, each after the answer to the one before."""
import socket
import sys

family, kind, _, _, address = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_STREAM)[0]
client = socket.socket(family, kind)
client.connect(address)
for _ in range(5):
    client.send(b"Hii Server")
    print(client.recv(1024).decode())
client.send(b"exit")
client.close()
