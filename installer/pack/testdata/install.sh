# In a fresh Debian: install /d1, serve, upgrade to /d2 while it serves, remove, purge; the tree is then as before.
set -e
trap 'service apache2 stop >/dev/null 2>&1 || :' EXIT
fail() { echo "FAILED: $*"; cat /var/log/apache2/error.log; exit 1; }
apt-get -q update >/dev/null
apt-get -qy install --no-install-recommends apache2 curl $(dpkg-deb -f /d1/libapache2-mod-wsgi-py3??_*.deb Depends | grep -o 'libpython[0-9.a-z]*\|python3 ' | sort -u) >/dev/null 2>&1
[ -z "$SECOND" ] || { echo $SECOND/lib > /etc/ld.so.conf.d/second.conf; ldconfig; }
printf '#!/bin/sh\nexit 0\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
echo ServerName localhost > /etc/apache2/conf-enabled/name.conf
sed -i "s/^Listen 80$/Listen $PORT/" /etc/apache2/ports.conf
mkdir -p /var/lib/apache2/module/disabled_by_admin /var/lib/apache2/module/disabled_by_maint # which a2dismod leaves
snapshot() {
	find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /run -o -path /d1 -o -path /d2 -o -path /var/lib/dpkg \) -prune -o -printf '%p %m %u %l\n' | sort
	find /etc /usr /var/lib/apache2 -xdev -type f -print0 | sort -z | xargs -0 sha256sum
	dpkg -l | grep '^[a-z]' | sort
}
service apache2 start >/dev/null
snapshot > /tmp/before

install() { apt-get -qy install "$@" > /tmp/apt.log 2>&1 || { cat /tmp/apt.log; fail "apt install $*"; }; }
packages() { ls /d$1/libapache2-mod-wsgi-*.deb | grep -v dbgsym; }
install $(packages 1)
[ -e /etc/apache2/mods-enabled/wsgi.load ] && [ -e /etc/apache2/mods-enabled/wsgi.conf ] || fail "it is not enabled"
mkdir -p /tmp/app
chmod 1777 /tmp
chmod 755 /tmp/app
cat > /tmp/app/a.wsgi <<'P'
import sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%d.%d%s" % (sys.version_info[:2] + (sys.abiflags,))).encode()]
P
cat > /etc/apache2/conf-enabled/try.conf <<'P'
WSGIDaemonProcess one
WSGIScriptAlias /one /tmp/app/a.wsgi process-group=one application-group=%{GLOBAL}
WSGIScriptAlias /embedded /tmp/app/a.wsgi application-group=%{GLOBAL}
<Directory /tmp/app>
 Require all granted
</Directory>
P
urls="one embedded"
if [ -n "$SECOND" ]; then
	urls="one embedded two"
	sed -i "1i WSGIDaemonProcess two python-home=$SECOND\nWSGIScriptAlias /two /tmp/app/a.wsgi process-group=two application-group=%{GLOBAL}" /etc/apache2/conf-enabled/try.conf
fi
apachectl configtest >/dev/null 2>&1 || fail "$(apachectl configtest 2>&1)"
service apache2 restart >/dev/null
until curl -so /dev/null localhost:$PORT/; do :; done
for u in $urls; do echo "served by $(curl -s localhost:$PORT/$u): $u"; done

( while [ ! -e /tmp/stop ]; do for u in $urls; do curl -s -o /dev/null -w '%{http_code}\n' localhost:$PORT/$u; done; done > /tmp/codes ) &
load=$!
install $(packages 2)
lines=$(wc -l < /tmp/codes)
until [ $(wc -l < /tmp/codes) -gt $((lines + 20)) ]; do :; done
touch /tmp/stop
wait $load
[ "$(sort -u /tmp/codes)" = 200 ] || fail "requests while it was upgraded: $(sort /tmp/codes | uniq -c)"
echo "upgraded under $(wc -l < /tmp/codes) requests, all 200"
dpkg -l 'libapache2-mod-wsgi-*' | grep '^ii' | grep -qv -- '-2 ' && fail "not all is of the second revision"

rm /etc/apache2/conf-enabled/try.conf
apt-get -qy remove 'libapache2-mod-wsgi-*' >/dev/null 2>&1
[ ! -e /usr/lib/mod_wsgi ] && [ ! -e /usr/lib/apache2/modules/mod_wsgi.so ] && [ ! -e /etc/apache2/mods-enabled/wsgi.load ] || fail "something of it is left"
[ -e /etc/apache2/mods-available/wsgi.load ] || fail "its conffiles went without a purge"
apt-get -qy purge 'libapache2-mod-wsgi-*' >/dev/null 2>&1
snapshot > /tmp/after
diff /tmp/before /tmp/after || fail "the tree is not as before"
grep -E '^\[[^]]*\] \[[a-z_0-9]*:(warn|error|crit|alert|emerg)\]' /var/log/apache2/error.log && fail "warnings in the log"
service apache2 stop >/dev/null
echo "tree as before"
