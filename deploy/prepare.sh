#!/bin/sh
# What deploy/compose.yaml needs beside itself: passwords nobody has chosen, a first certificate, deploy/.env. What is
# there already stays as it is.
#
#   deploy/prepare.sh NAME_OF_THE_BROKER [FOLDER]
#
# The name is the one that gateways reach the broker by. FOLDER is that of compose.yaml, if not this one.
set -eu
umask 077

[ $# -ge 1 ] || { sed -n '5s/# *//p' "$0" >&2; exit 2; }
name=$1
here=$(cd "$(dirname "$0")" && pwd)
folder=${2:-$here}
mkdir -p "$folder/secrets"
cd "$folder"

# once FILE: take standard input as that secret, unless there is one. Only its owner can enter the folder; the files in it
# can be read by the users of the containers, into each of which only its own are mounted.
once() {
    if [ -e "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1.new" && mv "secrets/$1.new" "secrets/$1"; fi
    chmod 444 "secrets/$1"
}

random() { openssl rand -hex 24; }

random | once database_password
printf 'postgresql://enermon:%s@database:5432/enermon\n' "$(cat secrets/database_password)" | once database_url
random | once grafana_admin_password
printf 'http://admin:%s@grafana:3000\n' "$(cat secrets/grafana_admin_password)" | once grafana_url
printf '' | once channels

[ -e secrets/broker/certificate.pem ] || "$here/broker_certificates.sh" secrets/broker "$name"
chmod 444 secrets/broker/ca.pem secrets/broker/certificate.pem secrets/broker/key.pem

if [ ! -e .env ]; then
    sed "s/^BROKER_NAME=.*/BROKER_NAME=$name/" "$here/env.example" >.env
fi
echo "$folder/secrets and $folder/.env are ready. Put secrets/broker/ca-key.pem, where there is one, into a safe."
