#!/bin/sh
# Redirects this machine's (or this pod's) connections to ports 443 and 80 of public addresses to
# Understudy's transparent port. Run as root, again whenever you like; down.sh takes it back.
#
#   up.sh PORT USER [nft|iptables]
#
# PORT is that of `understudy serve --transparent PORT`, USER (a name or a number) who it runs as:
# what that user sends is left alone. nft is used where it is installed, else iptables.
set -eu

fail() {
    echo "up.sh: $1" >&2
    exit 2
}

[ $# -ge 2 ] && [ $# -le 3 ] || fail "it wants PORT USER [nft|iptables]"
port=$1
user=$2
with=${3:-}
here=$(dirname "$0")

case $port in
    '' | *[!0-9]*) fail "PORT is a number, not '$port'" ;;
esac
[ "$port" -ge 1 ] && [ "$port" -le 65535 ] || fail "PORT is 1 to 65535, not $port"
case $user in
    '') fail "USER is who the proxy runs as, and empty here" ;;
    *[!0-9]*) user=$(id -u -- "$user") || fail "there is no user '$2' here; a number will do too" ;;
esac
if [ -z "$with" ]; then
    if command -v nft >/dev/null; then with=nft; else with=iptables; fi
fi

# One family's chain, filled at once or not at all. iptables calls it UNDERSTUDY.
chain() {
    printf '*nat\n:UNDERSTUDY - [0:0]\n'
    printf -- '-A UNDERSTUDY -m owner --uid-owner %s -j RETURN\n' "$user"
    for network in "$@"; do printf -- '-A UNDERSTUDY -d %s -j RETURN\n' "$network"; done
    printf -- '-A UNDERSTUDY -p tcp -m multiport --dports 443,80 -j REDIRECT --to-ports %s\n' "$port"
    printf 'COMMIT\n'
}

# iptables or ip6tables, and the networks that are left alone: those of redirect.nft.
redirect() {
    tables=$1
    shift
    chain "$@" | "$tables-restore" --wait --noflush
    "$tables" --wait -t nat -C OUTPUT -p tcp -j UNDERSTUDY 2>/dev/null ||
        "$tables" --wait -t nat -A OUTPUT -p tcp -j UNDERSTUDY
}

case $with in
    nft) nft -D "PORT=$port" -D "PROXY=$user" -f "$here/redirect.nft" ;;
    iptables)
        redirect iptables 0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 \
            172.16.0.0/12 192.168.0.0/16 224.0.0.0/3
        if ip6tables --wait -t nat -S >/dev/null 2>&1; then
            redirect ip6tables ::/96 ::ffff:0:0/96 fc00::/7 fe80::/10 ff00::/8
        else
            echo "up.sh: there is no NAT for IPv6 here: such connections are not redirected" >&2
        fi
        ;;
    *) fail "it is nft or iptables, not '$with'" ;;
esac
