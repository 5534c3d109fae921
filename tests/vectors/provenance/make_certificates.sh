#!/usr/bin/env bash
# Makes the certificates of these vectors anew, with OpenSSL alone: make_certificates.sh FOLDER. The keys are new each time, so that
# device IDs in the .txt files change too.
set -euo pipefail
out=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > ca.cnf <<'END'
[ca]
default_ca = one
[one]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
preserve = yes
[any]
organizationName = optional
commonName = optional
serialNumber = optional
[req]
distinguished_name = none
[none]
[root]
basicConstraints = critical, CA:TRUE, pathlen:1
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[class]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[device]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
: > index.txt

# make NAME SECTION ISSUER SUBJECT FROM TO [rsa]: ISSUER is NAME for a root.
make() {
  local name=$1 section=$2 issuer=$3 subject=$4 from=$5 to=$6 kind=${7:-ec}
  if [[ $kind == rsa ]]; then
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$name.key"
  else
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$name.key"
  fi 2> /dev/null
  openssl req -new -utf8 -config ca.cnf -key "$name.key" -subj "$subject" -out "$name.csr"
  local signer=(-cert "$issuer.pem" -keyfile "$issuer.key")
  [[ $issuer == "$name" ]] && signer=(-selfsign -keyfile "$name.key")
  openssl ca -batch -utf8 -notext -config ca.cnf -extensions "$section" "${signer[@]}" -in "$name.csr" -out "$name.pem" \
    -startdate "$from" -enddate "$to" 2> /dev/null
  cp "$name.pem" "$out/"
}

make root root root '/O=Example/CN=Example Device Root' 20250101000000Z 20750101000000Z
make token class root '/O=Example/CN=Token 1' 20250101000000Z 20650101000000Z
make device device token '/O=Example/CN=Token 1 00f1/serialNumber=00f1' 20260101000000Z 20460101000000Z
make rsa-device device token '/O=Example/CN=Token 1 00f2/serialNumber=00f2' 20260101000000Z 20460101000000Z rsa
make expired-device device token '/O=Example/CN=Token 1 00f3/serialNumber=00f3' 20250101000000Z 20260101000000Z
make attested device device '/CN=Attested key' 20260101000000Z 20460101000000Z
make attested-ca class device '/CN=Attested key that calls itself a CA' 20260101000000Z 20460101000000Z
make fake-device device attested-ca '/O=Example/CN=Fake' 20260101000000Z 20460101000000Z
make foreign-root root foreign-root '/O=Example/CN=Example Device Root' 20250101000000Z 20750101000000Z
make foreign-token class foreign-root '/O=Example/CN=Token 1' 20250101000000Z 20650101000000Z
make umlaut class root '/O=Example, Gerätebau/CN=Schlüssel "7"' 20250101000000Z 20650101000000Z
make umlaut-device device umlaut '/O=Example, Gerätebau/CN=Schlüssel "7" 00f4/serialNumber=00f4' 20260101000000Z 20460101000000Z
