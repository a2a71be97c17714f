"""Client of a web server. Arguments: host, port, file name. Asks for the file, and shows all that comes until the end."""
import socket
import sys

client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect((sys.argv[1], int(sys.argv[2])))
client.send(("GET /%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n" % (sys.argv[3], sys.argv[1], sys.argv[2])).encode())
answer = b""
while True:
    data = client.recv(1024)
    if not data:
        break
    answer += data
client.close()
print(answer.decode())
