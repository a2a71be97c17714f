"""One-request web server. Argument: folder. Reads a request once, answers with the file that it names, and stops."""
import os
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", 0))
server.listen(1)
print("http://127.0.0.1:%d" % server.getsockname()[1])
connection, _ = server.accept()
name = connection.recv(1024).decode().split()[1]
try:
    with open(os.path.join(sys.argv[1], name[1:])) as file:
        content = file.read()
    connection.send("HTTP/1.1 200 OK\r\n\r\n".encode())
    connection.sendall(content.encode())
except OSError:
    connection.send("HTTP/1.1 404 Not Found\r\n\r\n".encode())
    connection.send("<html><body><h1>404 Not Found</h1></body></html>".encode())
connection.close()
server.close()
