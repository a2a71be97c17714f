"""Client of the upper-case echo: sends each line of its input and waits for the one reply, for ever if need be."""
import socket
import sys

server = (sys.argv[1], int(sys.argv[2]))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for line in sys.stdin:
    text = line.rstrip("\n")
    client.sendto(text.encode(), server)
    reply, _ = client.recvfrom(2048)
    print(reply.decode())
    if text.lower() == "quit":
        print("CONNECTION CLOSED")
        break
client.close()
