"""Client of the month service: sends each line of its input and waits for the one reply. 0 ends it."""
import socket
import sys

server = (sys.argv[1], int(sys.argv[2]))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"Hello", server)
print(client.recvfrom(1024)[0].decode())
for line in sys.stdin:
    client.sendto(line.strip().encode(), server)
    print(client.recvfrom(1024)[0].decode())
    if line.strip() == "0":
        break
client.close()
