-- The key store (sks/records.cc). Every row is one sealed record: AES-256-GCM under the master key, bound to its place (table, kind, id,
-- part) and to the version of the store in which it was written. What stands beside it is only there to find it.
--
-- Versions tie the whole together: a session's record seals the versions of all its records, a group those of its sessions, the root those
-- of all groups. So an older record, or an older half of the database, is noticed when it is read; an older whole needs an anchor.

CREATE TABLE sks_roots (
  id INTEGER PRIMARY KEY,                  -- 0: the root; from 1 on: group id - 1, of the 256 sessions from (id - 1) * 256 on
  version INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

CREATE TABLE sks_sessions (
  handle INTEGER PRIMARY KEY,              -- 0: the device itself
  version INTEGER NOT NULL,
  names BLOB,                              -- of an open session: digest of its IDs and IssuerURI
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX sks_sessions_by_names ON sks_sessions (names) WHERE names IS NOT NULL;

CREATE TABLE sks_records (
  session INTEGER NOT NULL,
  kind INTEGER NOT NULL,                   -- RecordKind
  id INTEGER NOT NULL,                     -- handle of the policy or key, or id of the PIN
  part INTEGER NOT NULL,                   -- an extension's index; 0
  version INTEGER NOT NULL,
  fingerprint BLOB,                        -- of a key: the start of its end-entity certificate's SHA-256
  sealed BLOB NOT NULL,
  PRIMARY KEY (session, kind, id, part)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sks_keys_by_handle ON sks_records (id) WHERE kind = 4;
CREATE INDEX sks_keys_by_certificate ON sks_records (fingerprint) WHERE fingerprint IS NOT NULL;
