"""Client of the upper-case echo over TCP. Arguments: host, port. Sends its input as one sentence, and reads once."""
import socket
import sys

client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
client.send(sys.stdin.read().rstrip("\n").encode())
print(client.recv(1024).decode())
client.close()
