#!/bin/sh
# An authority of one's own and a broker's certificate from it, for a first installation. An operator's authority is
# better: then put its certificate and key where these would be, and run nothing.
#
#   deploy/broker_certificates.sh FOLDER NAME [OTHER_NAME_OR_ADDRESS ...]
#
# ca.pem goes to gateways and the platform, certificate.pem and key.pem to the broker, ca-key.pem to a safe. A second run
# renews the broker's certificate with the same authority: gateways notice nothing.
set -eu
umask 077

[ $# -ge 2 ] || { sed -n '5s/# *//p' "$0" >&2; exit 2; }
folder=$1
shift
mkdir -p "$folder"
cd "$folder"

if [ ! -e ca.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Enermon broker authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout ca-key.pem -out ca.pem 2>/dev/null
fi

names=
for name in "$@"; do
    case $name in
        *[!0-9.]*) names="$names,DNS:$name" ;;
        *) names="$names,IP:$name" ;;
    esac
done
printf '%s\n' "subjectAltName=${names#,}" "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
    "extendedKeyUsage=serverAuth" > request.ext
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
    -keyout key.pem.new -out request.pem 2>/dev/null
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 397 -extfile request.ext \
    -out certificate.pem.new 2>/dev/null
mv key.pem.new key.pem
mv certificate.pem.new certificate.pem
rm request.pem request.ext
chmod 644 ca.pem certificate.pem
echo "$PWD/certificate.pem is of $* and valid until $(openssl x509 -in certificate.pem -noout -enddate | cut -d= -f2)."
