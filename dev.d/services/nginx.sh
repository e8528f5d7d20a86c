# shellcheck shell=bash
# The private nginx: the one door, rendered from nginx/gateway.conf.in, with a certificate of a local CA made at first start.

readonly TLS=$STATE/tls

nginx_define() {
    make_certificates
    own_dir 755 "$STATE/nginx"
    own_dir 700 "$STATE/nginx/tmp" "$(spool_dir)"
    nginx_settings | "$EA_ROOT/nginx/render" "$EA_ROOT/nginx/gateway.conf.in" | put 600 "$STATE/etc/nginx.conf"
    nginx_test >"$STATE/log/nginx-test" 2>&1 ||
        die "nginx does not take its configuration: $(grep -m 1 -E 'emerg|error' "$STATE/log/nginx-test")"
    service_define nginx <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" || exit 1
exec /usr/sbin/nginx -p '$STATE/nginx' -e stderr -c '$STATE/etc/nginx.conf' -g 'daemon off;'
RUN
    # runit's TERM drops requests; QUIT lets them finish, for as long as worker_shutdown_timeout allows
    own_dir 755 "$STATE/sv/nginx/control"
    put 755 "$STATE/sv/nginx/control/t" <<'RUN'
#!/bin/sh
exec kill -QUIT "$(cat supervise/pid)"
RUN
}

nginx_test() { as_service /usr/sbin/nginx -p "$STATE/nginx" -e stderr -c "$STATE/etc/nginx.conf" -t -q; }

spool_dir() { echo "${EA_SPOOL_DIR:-$STATE/nginx/spool}"; }

# nginx_settings: NAME=value lines for the renderer; nginx/gateway.conf.in says what each is
nginx_settings() {
    local kind
    cat <<SETTINGS
LISTEN_HTTPS=127.0.0.1:$(port https)
LISTEN_HTTP=127.0.0.1:$(port http)
LISTEN_STATUS=127.0.0.1:$(port status)
PUBLIC_URL=$(public_url)
TLS_CERTIFICATE=$TLS/server.pem
TLS_KEY=$TLS/server.key
HSTS=max-age=3600
CORS_ORIGINS=$EA_CORS_ORIGINS
WORKERS=auto
ACCESS_LOG=$STATE/log/access.log
TEMP_DIR=$STATE/nginx/tmp
SPOOL_DIR=$(spool_dir)
BLOB_DIR=$(blob_dir)
RATE_TOKEN=$EA_RATE_TOKEN
BURST_TOKEN=$EA_BURST_TOKEN
RATE_ADDRESS=$EA_RATE_ADDRESS
BURST_ADDRESS=$EA_BURST_ADDRESS
STREAMS_ADDRESS=$EA_STREAMS_ADDRESS
SECRET=
TRUSTED_PROXIES=
SETTINGS
    for kind in $RESPONDERS; do
        printf 'POOL_%s=' "${kind^^}"
        names_of "$kind" | sed "s|.*|unix:$STATE/run/&.sock|" | paste -sd ' '
    done
}

# make_certificates: a CA of this instance and a certificate for localhost, kept until a month before they run out
make_certificates() {
    own_dir 755 "$TLS"
    if ! usable_certificate "$TLS/ca.pem"; then
        rm -f "$TLS/server.pem"
        tls ecparam -name prime256v1 -genkey -noout -out "$TLS/ca.key"
        tls req -x509 -new -key "$TLS/ca.key" -sha256 -days 3650 -subj "/CN=EdTech Assistant local CA ($EA_INSTANCE)" \
            -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out "$TLS/ca.pem"
    fi
    usable_certificate "$TLS/server.pem" && return
    tls ecparam -name prime256v1 -genkey -noout -out "$TLS/server.key"
    tls req -new -key "$TLS/server.key" -subj /CN=localhost -out "$TLS/server.csr"
    put 644 "$TLS/server.ext" <<'EXT'
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
EXT
    tls x509 -req -in "$TLS/server.csr" -CA "$TLS/ca.pem" -CAkey "$TLS/ca.key" -CAcreateserial -days 365 -sha256 \
        -extfile "$TLS/server.ext" -out "$TLS/server.pem"
    as_service chmod 600 "$TLS/ca.key" "$TLS/server.key"
    as_service chmod 644 "$TLS/ca.pem" "$TLS/server.pem"
}

usable_certificate() { openssl x509 -in "$1" -noout -checkend 2592000 >/dev/null 2>&1; }

tls() {
    (umask 077 && as_service openssl "$@") >"$STATE/log/tls" 2>&1 || die "openssl failed: $(tail -n 1 "$STATE/log/tls")"
}
