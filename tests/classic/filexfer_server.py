"""File transfer over TCP: one client, who shows the key, gets the file."""
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", 0))
server.listen(1)
print("tcp://127.0.0.1:%d" % server.getsockname()[1])
client, address = server.accept()
key = client.recv(1024).decode()
if key == "SECRET_KEY":
    client.send(b"AUTH_SUCCESS")
    with open(sys.argv[1], "rb") as file:
        while True:
            data = file.read(1024)
            if not data:
                break
            client.send(data)
else:
    client.send(b"AUTH_ERROR")
client.close()
server.close()
