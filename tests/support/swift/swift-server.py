"""
OpenStack Swift with its S3 middleware in one process: proxy, account, container and object server, as Swift's own in-process
tests run them. Prints its port as one line of JSON when it serves; ends when its standard input ends,
and removes its folder.

    swift-server.py FOLDER ACCESS_KEY SECRET_KEY      (ACCESS_KEY is account:user)
"""
import json
import os
import shutil
import sys

from swift.common import utils

# Before anything opens a socket: one thread serves all four.
utils.eventlet_monkey_patch()

import eventlet
import eventlet.tpool
import eventlet.wsgi
from swift.common.ring import RingBuilder
from swift.common.storage_policy import reload_storage_policies
from swift.common.wsgi import loadapp

folder, access_key, secret_key = sys.argv[1:4]
account, user = access_key.split(":")

SWIFT = """
[swift-hash]
swift_hash_path_suffix = tests
[storage-policy:0]
name = Policy-0
default = yes
"""

# An object's entry in its container's listing is written before the answer, however slow the machine.
BACKEND = """
[DEFAULT]
devices = {folder}/devices
swift_dir = {folder}
mount_check = false
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
container_update_timeout = 60
conn_timeout = 10
node_timeout = 60
"""

PROXY = """
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 60
recoverable_node_timeout = 60
conn_timeout = 10
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
multi_delete_concurrency = 20
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret_key} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def write_ring(name, port):
    builder = RingBuilder(1, 1, 0)
    place = {"ip": "127.0.0.1", "port": port, "device": "disk"}
    builder.add_dev({**place, "id": 0, "region": 1, "zone": 1, "weight": 1})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, f"{name}.ring.gz"))


os.makedirs(os.path.join(folder, "devices", "disk"))
write("swift.conf", SWIFT)
utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
utils.HASH_PATH_SUFFIX = b""
utils.validate_configuration()
reload_storage_policies()

backends = ("account", "container", "object")
listeners = {kind: eventlet.listen(("127.0.0.1", 0), backlog=256) for kind in (*backends, "proxy")}
for kind in backends:
    write_ring(kind, listeners[kind].getsockname()[1])


class EmptyCache:
    """What Swift asks of memcached: it must be there, it need not remember."""

    def get(self, *_, **__):
        return None

    def set(self, *_, **__):
        pass

    def delete(self, *_, **__):
        pass


def with_cache(app):
    def handle(environment, start_response):
        environment["swift.cache"] = EmptyCache()
        return app(environment, start_response)

    return handle


for kind, listener in listeners.items():
    places = {"folder": folder, "kind": kind, "account": account, "user": user, "secret_key": secret_key}
    conf = write(f"{kind}-server.conf", (PROXY if kind == "proxy" else BACKEND).format(**places))
    eventlet.spawn(eventlet.wsgi.server, listener, with_cache(loadapp(conf)), utils.NullLogger(), log_output=False)
print(json.dumps({"port": listeners["proxy"].getsockname()[1]}), flush=True)
# Whoever started the server holds the other end: the server goes, and its folder, when that process does.
eventlet.tpool.execute(sys.stdin.buffer.read)
shutil.rmtree(folder, ignore_errors=True)
os._exit(0)
