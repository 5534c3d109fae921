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

-- What a session begins with: one-time enrolment URLs, whose token itself is nowhere but in the URL. What begins without one (an open
-- enrolment, a client that proves who it is, a renewal) has a row too, whose token nobody has.
CREATE TABLE issuer_enrolments (
  id         INTEGER PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  profile    TEXT NOT NULL,
  way        TEXT NOT NULL CHECK (way IN ('url', 'open', 'mail', 'client', 'renewal')),
  subject    TEXT NOT NULL,                     -- empty where it follows from the device or from a credential which that shows
  email      TEXT,                              -- an address that whoever enrols was reached at
  client     TEXT,                              -- the client that proved who it is
  state      TEXT NOT NULL CHECK (state IN ('unused', 'used')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER
);
CREATE INDEX issuer_enrolments_by_expiry ON issuer_enrolments (expires_at) WHERE state = 'unused';

-- What was done for somebody within the last hour, so that it can be limited: for a peer, or for an e-mail address.
CREATE TABLE issuer_visits (
  id   INTEGER PRIMARY KEY,
  who  BLOB NOT NULL CHECK (length(who) = 32),  -- SHA-256 of what and for whom
  at   INTEGER NOT NULL
);
CREATE INDEX issuer_visits_by_visitor ON issuer_visits (who, at);
CREATE INDEX issuer_visits_by_time ON issuer_visits (at);

-- Devices that may enrol with profiles of listed devices, and for whom.
CREATE TABLE issuer_devices (
  id          INTEGER PRIMARY KEY,
  profile     TEXT NOT NULL,
  device_id   TEXT NOT NULL,                    -- in groups, with its check character
  fingerprint BLOB CHECK (length(fingerprint) = 32),  -- SHA-256 of the device certificate, where that was given
  subject     TEXT NOT NULL,                    -- empty: the profile's
  added_at    INTEGER NOT NULL,
  UNIQUE (profile, device_id)
);

-- Clients that enrol without a person: each proves who it is with a bearer token, of which only a hash is stored, or a TLS certificate.
CREATE TABLE issuer_clients (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  profile     TEXT NOT NULL,
  subject     TEXT NOT NULL,                    -- empty: the profile's
  email       TEXT,
  token_hash  BLOB UNIQUE CHECK (length(token_hash) = 32),
  fingerprint BLOB UNIQUE CHECK (length(fingerprint) = 32),  -- SHA-256 of its certificate
  added_at    INTEGER NOT NULL,
  CHECK ((token_hash IS NULL) <> (fingerprint IS NULL))
);

-- KeyGen2 sessions. A step is taken by the request that finds `step` as it had read it; `state` is a name of the server's state machine.
CREATE TABLE issuer_sessions (
  id                     INTEGER PRIMARY KEY,
  enrolment_id           INTEGER NOT NULL UNIQUE REFERENCES issuer_enrolments (id),
  renews                 INTEGER REFERENCES issuer_credentials (id),  -- the credential that the session is there to renew
  cookie_hash            BLOB NOT NULL UNIQUE CHECK (length(cookie_hash) = 32),
  resume_hash            BLOB UNIQUE CHECK (length(resume_hash) = 32),  -- of the resume URL's token
  signer                 BLOB CHECK (length(signer) = 32),  -- of its requests: SHA-256 of the certificate; NULL: they are not signed
  state                  TEXT NOT NULL,
  is_open                INTEGER NOT NULL,      -- 0 in the final states
  step                   INTEGER NOT NULL,
  profile_digest         BLOB NOT NULL REFERENCES issuer_profiles (digest),
  subject                TEXT NOT NULL,
  email                  TEXT,                  -- an address that whoever enrols was reached at
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
  sealed_session_key     BLOB,                  -- kept after the end for sessions that own keys which can be updated
  mac_sequence_counter   INTEGER NOT NULL,
  session_key_uses       INTEGER NOT NULL,      -- with those of later sessions, which prove with this key that its keys are this issuer's
  device_certificate     BLOB,                  -- of an aborted session: as the other side claimed it
  device_id              TEXT,
  verdict                TEXT,                  -- JSON
  request                BLOB,                  -- the message that awaits its response, where that is verified against it or given again
  keys_response          BLOB,                  -- KeyInitializationResponse, verified, while the certificates are deferred
  certify_at             INTEGER,               -- when deferred certificates are ready; NULL until they are approved
  refusal_id             TEXT,                  -- why the session was aborted or failed
  refusal                TEXT,
  created_at             INTEGER NOT NULL,
  updated_at             INTEGER NOT NULL,
  expires_at             INTEGER NOT NULL
);
CREATE INDEX issuer_sessions_by_expiry ON issuer_sessions (expires_at) WHERE is_open = 1;
CREATE INDEX issuer_sessions_by_renewal ON issuer_sessions (renews) WHERE renews IS NOT NULL;

-- Issued certificates by session and key. confirmed_at is set when the device has proved that it finished. Updates and deletions move all
-- keys of a session to the session that made them: owner_id is the session that has the key in the device now.
CREATE TABLE issuer_credentials (
  id            INTEGER PRIMARY KEY,
  session_id    INTEGER NOT NULL REFERENCES issuer_sessions (id),
  owner_id      INTEGER NOT NULL REFERENCES issuer_sessions (id),
  protection_id INTEGER REFERENCES issuer_credentials (id),  -- whose PIN and PUK it took over by an update; NULL: its own session's
  key_id        TEXT NOT NULL,
  key_usage     TEXT NOT NULL,
  updatable     INTEGER NOT NULL,
  provenance    INTEGER NOT NULL,               -- 0: the basic profile's, from no device that is known
  certificate   BLOB NOT NULL,
  fingerprint   BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
  serial        TEXT NOT NULL,                  -- hex
  issued_at     INTEGER NOT NULL,
  not_after     INTEGER NOT NULL,
  confirmed_at  INTEGER,
  ended_at      INTEGER,                        -- from when on no device has it
  ended         TEXT CHECK (ended IN ('updated', 'deleted', 'withdrawn')),
  UNIQUE (session_id, key_id)
);
CREATE INDEX issuer_credentials_by_owner ON issuer_credentials (owner_id);
CREATE INDEX issuer_credentials_by_serial ON issuer_credentials (serial);

-- What a session does to credentials of earlier ones, decided when they were discovered.
CREATE TABLE issuer_targets (
  session_id    INTEGER NOT NULL REFERENCES issuer_sessions (id),
  position      INTEGER NOT NULL,
  credential_id INTEGER NOT NULL REFERENCES issuer_credentials (id),
  owner_id      INTEGER NOT NULL REFERENCES issuer_sessions (id),  -- the session that has the key, as the device said
  operation     TEXT NOT NULL CHECK (operation IN ('none', 'update', 'delete')),
  key_id        TEXT,                           -- of an update: the new key
  revoke        INTEGER NOT NULL,
  PRIMARY KEY (session_id, position),
  UNIQUE (session_id, credential_id)
) WITHOUT ROWID;
CREATE INDEX issuer_targets_by_credential ON issuer_targets (credential_id);

-- PUK values and PINs that the issuer set, for those who help users.
CREATE TABLE issuer_passphrases (
  session_id   INTEGER NOT NULL REFERENCES issuer_sessions (id),
  kind         TEXT NOT NULL CHECK (kind IN ('puk', 'pin')),
  name         TEXT NOT NULL,                   -- ID of the PUK policy; of the key
  format       TEXT NOT NULL,
  sealed_value BLOB NOT NULL,
  PRIMARY KEY (session_id, kind, name)
) WITHOUT ROWID;

-- Keys of devices that the issuer has too: backups, keys that it made, and symmetric keys.
CREATE TABLE issuer_kept_keys (
  id            INTEGER PRIMARY KEY,
  credential_id INTEGER NOT NULL REFERENCES issuer_credentials (id),
  kind          TEXT NOT NULL CHECK (kind IN ('backup', 'made', 'symmetric')),
  sealed_value  BLOB NOT NULL,                  -- PKCS #8; the bare bytes of a symmetric key
  created_at    INTEGER NOT NULL,
  UNIQUE (credential_id, kind)
);

-- Seeds of one-time passwords and other symmetric keys that came from elsewhere. Each is issued once, the oldest first of those that the key
-- of a profile can keep. The sealed value stays: a server that checks passwords needs it too.
CREATE TABLE issuer_seeds (
  id            INTEGER PRIMARY KEY,
  pool          TEXT NOT NULL,
  name          TEXT NOT NULL,                  -- the Key Id of a container, the token's serial number or the like
  properties    TEXT NOT NULL,                  -- JSON: texts by their names, for templates and the property bag
  bag_type      TEXT,                           -- URI of that property bag; NULL: not for one-time passwords
  algorithm     TEXT,                           -- URI of the only one that it may be used with; NULL: what the profile endorses
  user_name     BLOB,                           -- DER Name of the only one who may get it; NULL: anybody
  not_before    INTEGER,                        -- when it may be issued, and until when be used
  not_after     INTEGER,
  pin_policy    TEXT,                           -- JSON: of the PIN that has to guard it; NULL: of none
  sealed_value  BLOB NOT NULL,
  created_at    INTEGER NOT NULL,
  credential_id INTEGER REFERENCES issuer_credentials (id),
  UNIQUE (pool, name)
);
CREATE INDEX issuer_seeds_to_take ON issuer_seeds (pool, user_name, id) WHERE credential_id IS NULL;
