"""Client of the file transfer over TCP: shows the key, reads the answer at once, then the file until the end."""
import socket
import sys

client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect((sys.argv[1], int(sys.argv[2])))
key = sys.argv[4] if len(sys.argv) > 4 else "SECRET_KEY"
client.send(key.encode())
answer = client.recv(1024).decode()
if answer != "AUTH_SUCCESS":
    print("refused: " + answer)
    sys.exit(1)
with open(sys.argv[3], "wb") as file:
    while True:
        data = client.recv(1024)
        if not data:
            break
        file.write(data)
client.close()
print("received")
