# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for a test: initdb in a temporary folder, as an unprivileged user (the server
refuses root), on a free loopback port and a unix socket, stopped by its process id at the end.

    with Cluster() as pg:
        pg.url()                     # of the application's role
        pg.url(pg.OWNER)             # of the role that owns the tables
        pg.sql("select 1")           # as superuser, by psql

fsync stays on unless a test of pure logic says fsync=False.
PG_TEMPLATE names a folder that keeps what initdb and the first statements made, for the next ones to
copy; without it each makes its own.
"""
import ctypes
import fcntl
import hashlib
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

PDEATHSIG = 1
PASSWORD = "pass/word:of@tests"
HASHES = "scram-sha-256"
STARTS = 5  # another process may take the port between looking and using it
END = "-- the end of an answer --"
PATIENCE = 60  # seconds, for a port that has to be the same again


def _programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    if there is None:
        raise RuntimeError("PostgreSQL is not installed: tools/setup installs it")
    return pathlib.Path(there).resolve().parent


def _parent(proc):
    try:
        return int((proc / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    SUPER = "postgres"
    OWNER = "mete_owner"
    APP = "mete_app"
    DATABASE = "books"

    def __init__(self, fsync=True, settings=None):
        self.programs = _programs()
        self.user = self._user()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-pg-"))
        self.data = self.folder / "data"
        self.settings = {"fsync": "on" if fsync else "off", "synchronous_commit": "on",
                         "max_connections": "100", "shared_buffers": "64MB",
                         "listen_addresses": "127.0.0.1",
                         "unix_socket_directories": str(self.folder),
                         "log_lock_waits": "on", "max_prepared_transactions": "0"}
        self.settings.update(settings or {})
        self.process = None
        self.port = 0
        self.asked = None  # the psql of ask()
        self.asking = threading.Lock()

    @staticmethod
    def _user():
        """Whom the server runs as: ourselves, unless we are root."""
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise RuntimeError("no unprivileged user to run PostgreSQL as")

    def _as_user(self):
        def die_with_parent():
            for one in (signal.SIGINT, signal.SIGQUIT):  # a shell's background ignores them
                signal.signal(one, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGQUIT)
        how = {"preexec_fn": die_with_parent, "cwd": self.folder}
        if self.user is not None:
            how.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        return how

    def __enter__(self):
        try:
            self._fill()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._stop_asking()
        self.stop(signal.SIGQUIT)  # nobody reads it again
        shutil.rmtree(self.folder, ignore_errors=True)

    def _fill(self):
        """Its data: made once, and copied."""
        if "PG_TEMPLATE" not in os.environ:
            self._make()
            return
        own = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:12]
        owner = self.user.pw_uid if self.user is not None else os.geteuid()
        kept = pathlib.Path(os.environ["PG_TEMPLATE"]) / str(owner) / f"{self.programs.parent.name}-{own}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with open(kept.parent / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                self._keep(kept)
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        subprocess.run(["cp", "-a", kept, self.data], check=True)

    @staticmethod
    def _keep(kept):
        new = kept.with_name("new")
        shutil.rmtree(new, ignore_errors=True)
        maker = Cluster(fsync=False)
        try:
            maker._make()
            subprocess.run(["cp", "-a", maker.data, new], check=True)
        finally:
            maker.__exit__()
        new.rename(kept)

    def _make(self):
        """Initdb, the roles and the database; stopped again."""
        self._initdb()
        self.start()
        self._prepare()
        self.stop()

    def _initdb(self):
        (self.folder / "password").write_text(PASSWORD + "\n")
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
            os.chown(self.folder / "password", self.user.pw_uid, self.user.pw_gid)
        subprocess.run([self.programs / "initdb", "-D", self.data, "-U", self.SUPER, "-E", "UTF8",
                        "--no-locale", "--no-sync", "--auth=scram-sha-256",
                        f"--pwfile={self.folder}/password"],
                       check=True, stdout=subprocess.DEVNULL, **self._as_user())

    def start(self):
        """Also after stop() and crash(): the same data, and the same port, which clients know and
        which another process may have taken for a moment."""
        known = self.port
        end = time.monotonic() + PATIENCE
        for k in itertools.count():
            self.port = known or free_port()
            if self._start_once():
                return
            if time.monotonic() > end if known else k + 1 >= STARTS:
                break
            time.sleep(0.2)
        raise RuntimeError("PostgreSQL did not start: " + self.log()[-2000:])

    def _start_once(self):
        command = [self.programs / "postgres", "-D", self.data, "-p", str(self.port)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        for _ in range(3000):
            if self.process.poll() is not None:
                return False
            ready = subprocess.run([self.programs / "pg_isready", "-q", "-h", self.folder, "-p",
                                    str(self.port)], check=False)
            if ready.returncode == 0:
                return True
            time.sleep(0.02)
        return False

    def stop(self, how=signal.SIGINT):
        """SIGINT: a fast shutdown; SIGQUIT: at once, the log is replayed at the next start."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(60)

    def crash(self):
        self.stop(signal.SIGQUIT)

    def kill(self):
        """As when the machine dies: every process of the server at the same moment."""
        own = self.process.pid
        children = [int(p.name) for p in pathlib.Path("/proc").iterdir()
                    if p.name.isdigit() and _parent(p) == own]
        for pid in [own, *children]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _prepare(self):
        quoted = PASSWORD.replace("'", "''")
        self.sql(f"create role {self.OWNER} login password '{quoted}'; "
                 f"create role {self.APP} login password '{quoted}'", database="postgres")
        self.sql(f"create database {self.DATABASE} owner {self.OWNER}", database="postgres")

    def url(self, role=None, database=None, host=None, port=None, password=PASSWORD):
        """By the unix socket, unless a host is given."""
        where = {"host": host} if host else {"host": str(self.folder)}
        secret = ":" + urllib.parse.quote(password, safe="") if password is not None else ""
        return (f"postgres://{role or self.APP}{secret}@:{port or self.port}/"
                f"{database or self.DATABASE}?{urllib.parse.urlencode(where)}")

    def sql(self, text, database=None, role=None, check=True):
        """What psql prints, unaligned, without heads."""
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1",
                               self.url(role or self.SUPER, database), "-c", text],
                              capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip() if check else (done.returncode, done.stdout + done.stderr)

    def ask(self, question):
        """One select, as superuser, by a psql that stays: for those who ask until it is so. Asked
        again when the server has ended the connection."""
        with self.asking:
            for _ in range(2):
                said = self._ask_once(question)
                if said is not None:
                    return said
        return self.sql(question)

    def _ask_once(self, question):
        if self.asked is None:
            self.asked = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.url(self.SUPER)],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.DEVNULL, text=True)
        try:
            self.asked.stdin.write(f"{question};\n\\echo {END}\n")
            self.asked.stdin.flush()
            lines = []
            for line in self.asked.stdout:
                if line == END + "\n":
                    return "".join(lines).strip()
                lines.append(line)
        except BrokenPipeError:
            pass
        self._stop_asking()
        return None

    def _stop_asking(self):
        if self.asked is not None:
            self.asked.kill()
            self.asked.communicate()
            self.asked = None

    def run(self, path):
        """A file of SQL, as superuser."""
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.url(self.SUPER), "-f", path],
                       check=True)


class Standby(Cluster):
    """A second server that follows the first; synchronous when the first waits for it."""

    NAME = "standby"

    def __init__(self, primary):
        super().__init__()
        self.primary = primary
        self.settings["primary_conninfo"] = (
            f"host={primary.folder} port={primary.port} user={self.SUPER} password='{PASSWORD}' "
            f"application_name={self.NAME}")

    def _fill(self):
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        how = self._as_user()
        subprocess.run([self.programs / "pg_basebackup", "-D", self.data, "-X", "stream", "-c",
                        "fast", "-R", "-d", self.primary.url(self.SUPER, "postgres")],
                       check=True, **how)

    def wait_until_followed(self, synchronous):
        """Has the first wait for it, or not, from now on."""
        name = self.NAME if synchronous else ""
        self.primary.sql(f"alter system set synchronous_standby_names = '{name}'")
        self.primary.sql("select pg_reload_conf()")
        wanted = "sync" if synchronous else "async"
        for _ in range(1000):
            if self.primary.sql("select sync_state from pg_stat_replication "
                                "where state = 'streaming'") == wanted:
                return
            time.sleep(0.02)
        raise RuntimeError(f"the standby does not follow: {self.log()[-1000:]}")

    def promote(self):
        self.sql("select pg_promote()", database="postgres")


class Pooler:
    """PgBouncer in front of a cluster, in transaction mode: each transaction may get another server
    connection, and statements prepared outside of it are gone."""

    def __init__(self, cluster, pool=3):
        self.cluster = cluster
        self.pool = pool
        self.folder = cluster.folder / "pooler"
        self.process = None
        self.port = 0

    def __enter__(self):
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            raise RuntimeError("pgbouncer is not installed: tools/setup installs it")
        self.folder.mkdir()
        self.port = free_port()
        quoted = PASSWORD.replace('"', '""')
        roles = (Cluster.APP, Cluster.OWNER, Cluster.SUPER)
        (self.folder / "users").write_text("".join(f'"{r}" "{quoted}"\n' for r in roles))
        (self.folder / "ini").write_text(f"""[databases]
* = host={self.cluster.folder} port={self.cluster.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = {HASHES}
auth_file = {self.folder}/users
pool_mode = transaction
default_pool_size = {self.pool}
max_client_conn = 200
server_login_retry = 1
logfile = {self.folder}/log
pidfile =
""")
        user = self.cluster.user
        if user is not None:
            for path in (self.folder, self.folder / "users", self.folder / "ini"):
                os.chown(path, user.pw_uid, user.pw_gid)
        self.process = subprocess.Popen([program, "-q", self.folder / "ini"],
                                        **self.cluster._as_user())
        for _ in range(1000):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError("pgbouncer did not start")

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(60)

    def url(self, role=None):
        return self.cluster.url(role, host="127.0.0.1", port=self.port)
