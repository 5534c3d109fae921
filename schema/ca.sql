-- The certificate authority: its keys, every certificate that it issued, and the audit log. Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE ca_keys (
  name         TEXT PRIMARY KEY,   -- root, issuing, tls
  certificate  BLOB NOT NULL,
  sealed_pkcs8 BLOB NOT NULL       -- under the master key, for this row
) STRICT, WITHOUT ROWID;

CREATE TABLE ca_certificates (
  id         INTEGER PRIMARY KEY,
  serial     BLOB NOT NULL UNIQUE, -- magnitude, big-endian
  der        BLOB NOT NULL,
  subject    TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after  INTEGER NOT NULL,
  profile    TEXT NOT NULL,
  issuer_key TEXT NOT NULL REFERENCES ca_keys (name) DEFERRABLE INITIALLY DEFERRED,
  status     TEXT NOT NULL CHECK (status IN ('valid', 'suspended', 'revoked')),
  issued_at  INTEGER NOT NULL
) STRICT;

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
