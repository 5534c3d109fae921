-- The issuer's enrolments, sessions and credentials. Times are milliseconds since 1970-01-01T00:00:00Z. What is called sealed is encrypted
-- under the master key for its place. The tables of ca.sql stand in the same database.

-- What every node of this issuer agrees on, such as the address that was bound last.
CREATE TABLE issuer_settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Profiles as sessions began with them, by the SHA-256 of their text.
CREATE TABLE issuer_profiles (
  digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
  name       TEXT NOT NULL,
  snapshot   TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- One-time enrolment URLs. The token itself is nowhere but in the URL.
CREATE TABLE issuer_enrolments (
  id         INTEGER PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  profile    TEXT NOT NULL,
  subject    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('unused', 'used')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER
);
CREATE INDEX issuer_enrolments_by_expiry ON issuer_enrolments (expires_at) WHERE state = 'unused';

-- KeyGen2 sessions. A step is taken by the request that finds `step` as it had read it; `state` is a name of the server's state machine.
CREATE TABLE issuer_sessions (
  id                     INTEGER PRIMARY KEY,
  enrolment_id           INTEGER NOT NULL UNIQUE REFERENCES issuer_enrolments (id),
  cookie_hash            BLOB NOT NULL UNIQUE CHECK (length(cookie_hash) = 32),
  state                  TEXT NOT NULL,
  is_open                INTEGER NOT NULL,      -- 0 in the final states
  step                   INTEGER NOT NULL,
  profile_digest         BLOB NOT NULL REFERENCES issuer_profiles (digest),
  subject                TEXT NOT NULL,
  url                    TEXT NOT NULL,         -- under which the session's paths are
  server_session_id      TEXT NOT NULL UNIQUE,
  client_session_id      TEXT,
  session_key_algorithm  TEXT,
  updatable              INTEGER NOT NULL,
  session_life_time      INTEGER NOT NULL,      -- seconds
  session_key_limit      INTEGER NOT NULL,
  server_time            TEXT,                  -- as sent last
  client_time            INTEGER,
  server_ephemeral_key   BLOB,                  -- DER SubjectPublicKeyInfo
  sealed_ephemeral_key   BLOB,                  -- its private half; gone once the session key is there
  sealed_session_key     BLOB,                  -- kept after the end for sessions that can be updated
  mac_sequence_counter   INTEGER NOT NULL,
  session_key_uses       INTEGER NOT NULL,
  device_certificate     BLOB,                  -- of an aborted session: as the other side claimed it
  device_id              TEXT,
  verdict                TEXT,                  -- JSON
  request                BLOB,                  -- the message that awaits its response, where that is verified against it
  refusal_id             TEXT,                  -- why the session was aborted or failed
  refusal                TEXT,
  created_at             INTEGER NOT NULL,
  updated_at             INTEGER NOT NULL,
  expires_at             INTEGER NOT NULL
);
CREATE INDEX issuer_sessions_by_expiry ON issuer_sessions (expires_at) WHERE is_open = 1;

-- Issued certificates by session and key. confirmed_at is set when the device has proved that it finished.
CREATE TABLE issuer_credentials (
  id           INTEGER PRIMARY KEY,
  session_id   INTEGER NOT NULL REFERENCES issuer_sessions (id),
  key_id       TEXT NOT NULL,
  certificate  BLOB NOT NULL,
  fingerprint  BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
  serial       TEXT NOT NULL,                   -- hex
  issued_at    INTEGER NOT NULL,
  not_after    INTEGER NOT NULL,
  confirmed_at INTEGER,
  UNIQUE (session_id, key_id)
);

-- PUK values, for those who help users.
CREATE TABLE issuer_puks (
  session_id   INTEGER NOT NULL REFERENCES issuer_sessions (id),
  policy_id    TEXT NOT NULL,
  format       TEXT NOT NULL,
  sealed_value BLOB NOT NULL,
  PRIMARY KEY (session_id, policy_id)
) WITHOUT ROWID;
