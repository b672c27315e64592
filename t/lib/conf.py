# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""NGINX's files for a test: those of conf/ with the test's places put in, as
tools/state.sh does it for the demo.  Nothing here is a third variant."""

import os
import re
import shutil



def write(s):
    """Writes nginx/ and secrets/ of the stack s.  What a conf_edit(name,
    text) gives back is written instead of the text."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    root = os.path.join(s.dir, "nginx")
    os.makedirs(os.path.join(root, "conf.d"), exist_ok=True)
    os.makedirs(os.path.join(s.dir, "secrets"), exist_ok=True)
    for name, text in (("database_url", s.database_url),
                       ("redis_url", s.redis_url),
                       ("jwt_secret", s.jwt_secret),
                       ("app_secret", s.app_secret),
                       ("verify_token", s.verify_token)):
        path = os.path.join(s.dir, "secrets", name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)

    for name in ("nginx.conf", "pytake-main.conf", "pytake.conf",
                 "pytake-locations.conf"):
        with open(os.path.join(top, "conf", name)) as f:
            text = f.read()
        text = edit(s, root, text)
        if s.conf_edit is not None:
            text = s.conf_edit(name, text)
        with open(os.path.join(root, name), "w") as f:
            f.write(text)

    if s.web is not None:
        web(s, top, root)

    with open(os.path.join(root, "conf.d", "test.conf"), "w") as f:
        for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            f.write("%s_temp_path %s/%s;\n" % (what, root, what))
    shutil.copy("/etc/nginx/mime.types", root + "/mime.types")


def web(s, top, root):
    """The browser inbox, from the folder s.web."""
    os.makedirs(os.path.join(root, "pytake.d"), exist_ok=True)
    for name, to in (("pytake-web.conf", "pytake.d/web.conf"),
                     ("pytake-web-headers.conf", "pytake-web-headers.conf")):
        with open(os.path.join(top, "conf", name)) as f:
            text = f.read().replace("/usr/share/pytake/web", s.web)
        with open(os.path.join(root, to), "w") as f:
            f.write(text)


def edit(s, root, text):
    user = "user www-data;" if os.geteuid() == 0 else "# no other user"
    for pattern, new in (
            (r"(?m)^user .*$", user),
            (r"(?m)^worker_processes .*$",
             "worker_processes %d;\n%s" % (s.workers, _env(s))),
            (r"(?m)^worker_rlimit_nofile .*$", ""),
            (r"modules/ngx_http_pytake_module.so",
             s.build + "/ngx_http_pytake_module.so"),
            (r"/run/nginx.pid", root + "/nginx.pid"),
            (r"/var/log/nginx/pytake.log", root + "/access.log"),
            (r"/var/log/nginx/", root + "/"),
            (r"/etc/pytake/", s.dir + "/secrets/"),
            (r"/run/pytake/", s.dir + "/h/"),
            (r"listen 127.0.0.1:8080\b", "listen 127.0.0.1:%d" % s.port)):
        text = re.sub(pattern, lambda m: new, text)
    return text


def _env(s):
    """What workers of a test may see beside PATH."""
    return "".join("env %s;\n" % k for k in sorted(s.nginx_env)
                   + (["ASAN_OPTIONS", "UBSAN_OPTIONS"] if s.asan else []))


def log_all(name, text):
    """A conf_edit: the error log has all that a release can say."""
    return text.replace("error.log notice;", "error.log info;")


def add_location(block):
    """A conf_edit that puts block into the server."""
    def change(name, text):
        if name == "pytake-locations.conf":
            text += "\n" + block + "\n"
        return text
    return change
