-- The certificate authority: its keys, every certificate that it issued, what it publishes, and the audit log. Times are milliseconds since
-- 1970-01-01T00:00:00Z.

CREATE TABLE ca_keys (
  name         TEXT PRIMARY KEY,   -- root, issuing, tls; after a rollover root-2, issuing-2, ...
  role         TEXT NOT NULL CHECK (role IN ('root', 'issuing', 'tls')),
  generation   INTEGER NOT NULL,   -- from 1, within the role
  active       INTEGER NOT NULL CHECK (active IN (0, 1)), -- 0: signs CRLs and OCSP responders' certificates alone
  certificate  BLOB NOT NULL,
  storage      TEXT NOT NULL,      -- database, file:NAME or pkcs11:... (ca/key_storage.h)
  sealed_pkcs8 BLOB,               -- under the master key, for this row; of storage 'database' alone
  UNIQUE (role, generation),
  CHECK ((storage = 'database') = (sealed_pkcs8 IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ca_keys_one_active ON ca_keys (role) WHERE active = 1;

CREATE TABLE ca_certificates (
  id         INTEGER PRIMARY KEY,
  serial     BLOB NOT NULL UNIQUE, -- magnitude, big-endian
  der        BLOB NOT NULL,
  sha256     BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  subject    TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after  INTEGER NOT NULL,
  profile    TEXT NOT NULL,
  issuer_key TEXT NOT NULL REFERENCES ca_keys (name) DEFERRABLE INITIALLY DEFERRED,
  status     TEXT NOT NULL CHECK (status IN ('valid', 'suspended', 'revoked')),
  issued_at  INTEGER NOT NULL,
  revoked_at INTEGER,              -- also of a suspension
  reason     INTEGER,              -- CRLReason
  left_crl   INTEGER NOT NULL DEFAULT 0 CHECK (left_crl IN (0, 1)), -- it was on a regular CRL after its end (RFC 5280, section 3.3)
  CHECK ((status = 'valid') = (revoked_at IS NULL) AND (status = 'valid') = (reason IS NULL))
) STRICT;
-- What the next CRL of a key holds.
CREATE INDEX ca_certificates_on_crl ON ca_certificates (issuer_key) WHERE status != 'valid' AND left_crl = 0;

-- The last CRL of each key. The row is there from the first one on, so that numbers only grow.
CREATE TABLE ca_crls (
  key_name    TEXT PRIMARY KEY REFERENCES ca_keys (name),
  number      INTEGER NOT NULL,
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  der         BLOB NOT NULL,
  stale       INTEGER NOT NULL CHECK (stale IN (0, 1)) -- something was revoked, held or released since
) STRICT, WITHOUT ROWID;

-- The OCSP responder of each key: what it signs with until it is renewed.
CREATE TABLE ca_responders (
  key_name     TEXT PRIMARY KEY REFERENCES ca_keys (name),
  certificate  BLOB NOT NULL,
  sealed_pkcs8 BLOB NOT NULL        -- under the master key, for this row
) STRICT, WITHOUT ROWID;

-- Certificates of one root by another.
CREATE TABLE ca_cross_certificates (
  name        TEXT PRIMARY KEY,     -- root-2-by-root, root-by-root-2
  certificate BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only: `hash` is SHA-256 over the hash of the row before and this row's content (ca/audit.h). Ids count from 1 without gaps.
CREATE TABLE audit_log (
  id     INTEGER PRIMARY KEY,
  time   INTEGER NOT NULL,
  event  TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The last row of the log, so that cutting off its end shows too.
CREATE TABLE audit_head (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  last_id  INTEGER NOT NULL,
  hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit_head VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_log_is_not_cut BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
