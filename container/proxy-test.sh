#!/bin/sh
# Tries what compose.tls.yaml puts in front, without a container engine: Caddy with container/Caddyfile, one
# name and one port for the API and the local Supabase, over TLS and HTTP/2. In a network of its own.
#
#   container/proxy-test.sh PROGRAM
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$1

if [ "${2-}" != --alone ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  caddy=$(command -v caddy || true)
  if [ -z "$caddy" ]; then
    # Installing the package would start a service.
    (cd "$folder" && apt-get download caddy && dpkg --extract caddy_*.deb .)
    caddy=$folder/usr/bin/caddy
  fi
  bwrap --dev-bind / / --unshare-net --unshare-pid --proc /proc --cap-add CAP_NET_BIND_SERVICE --die-with-parent \
    --chdir "$folder" --setenv HOME "$folder" \
    sh "$here/proxy-test.sh" "$program" --alone "$caddy"
  exit
fi

# A name below localhost gets a certificate of Caddy's own.
DOMAIN=chat.localhost
export DOMAIN UPSTREAM=127.0.0.1:8000
DATA_DIR=$HOME/data LOCAL_SUPABASE_PATH=/supabase SUPABASE_PUBLIC_URL=https://$DOMAIN/supabase \
  TRUSTED_PROXIES=127.0.0.0/8 "$program" &
server=$!
"$3" run --config "$here/Caddyfile" --adapter caddyfile 2>proxy.log &
proxy=$!

ask() {
  curl --silent --show-error --fail --insecure --http2 --noproxy '*' --resolve "$DOMAIN:443:127.0.0.1" \
    --retry 50 --retry-connrefused --retry-delay 0 "$@"
}
json='content-type: application/json'
field() {
  sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"
}
token=$(ask "https://$DOMAIN/supabase/auth/v1/signup" --header 'apikey: sb_publishable_local' \
  --header "$json" --data '{"email":"ada@example.com","password":"correct horse"}' | field access_token)
version=$(ask "https://$DOMAIN/api/ai/generate" --header "authorization: Bearer $token" \
  --header "$json" --data '{"prompt":"Hello!","stream":true}' --output answer --write-out '%{http_version}')
grep -q '"type":"finish"' answer
test "$version" = 2
printf hello >note.txt
url=$(ask "https://$DOMAIN/api/files/" --header "authorization: Bearer $token" \
  --form file=@note.txt | field url)
test "${url#https://"$DOMAIN"/supabase/storage/}" != "$url"
test "$(ask "$url")" = hello

kill -TERM "$server" "$proxy"
wait "$server"
echo "the proxy of compose.tls.yaml: 1 passed, 0 failed"
