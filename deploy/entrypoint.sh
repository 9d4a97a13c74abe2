#!/bin/sh
# Give DATA_DIR to the daemon's own user and become that user, in the same process: SIGTERM reaches Python.
#
# Railway mounts volumes owned by root when the container starts, so this cannot be done while the image is built.
# Where the container does not run as root there is nobody to become: the command runs as it is.
set -eu

fail() {
  echo "entrypoint: $1" >&2
  exit 1
}

[ $# -gt 0 ] || fail "no command to run; the image's own is: devops-daemon run"

DATA_DIR=${DATA_DIR:-${RAILWAY_VOLUME_MOUNT_PATH:-/data}}
export DATA_DIR

if [ "$(id -u)" -ne 0 ]; then
  mkdir -p -- "$DATA_DIR" 2>/dev/null || fail "DATA_DIR $DATA_DIR cannot be made by uid $(id -u)"
  [ -w "$DATA_DIR" ] && [ -x "$DATA_DIR" ] || fail "DATA_DIR $DATA_DIR cannot be written by uid $(id -u)"
  exec "$@"
fi

user=${DAEMON_USER:-devops}
uid=$(id -u -- "$user" 2>/dev/null) || fail "there is no user $user (DAEMON_USER)"
gid=$(id -g -- "$user")

become() {
  exec setpriv --reuid "$uid" --regid "$gid" --init-groups --no-new-privs -- "$@"
}
(become true) 2>/dev/null || fail "root may not become $user here (CAP_SETUID, CAP_SETGID): start it as that user"

mkdir -p -- "$DATA_DIR" 2>/dev/null || fail "DATA_DIR $DATA_DIR cannot be made: is it a file, or read-only?"
case $(cd -- "$DATA_DIR" && pwd -P) in
  / | /bin | /boot | /dev | /etc | /home | /lib | /lib64 | /opt | /proc | /root | /run | /sbin | /srv | /sys | \
    /tmp | /usr | /usr/* | /var)
    fail "DATA_DIR $DATA_DIR is the system's own folder and would be given away: name one of its own"
    ;;
esac
# -h: a link in there must not make root give away what it points to. Only what is not the user's yet is touched.
# Where the volume knows no owners (a share, say) this fails and nothing is lost by it: the next line decides.
find "$DATA_DIR" -xdev ! -user "$uid" -exec chown -h "$uid:$gid" {} + 2>/dev/null || :
# Asked as the user, not as root: a folder above it may be closed to the user.
# shellcheck disable=SC2016  # that shell expands it
(become sh -c '[ -w "$1" ] && [ -x "$1" ]' sh "$DATA_DIR") || fail "DATA_DIR $DATA_DIR cannot be written by $user"

# setpriv leaves the environment alone; git and others would look for their settings in root's home.
HOME=$(getent passwd "$uid" | cut -d: -f6)
export HOME
become "$@"
