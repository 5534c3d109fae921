-- The key store (sks/records.cc). Secrets are sealed under the master key, each bound to its row.
-- Handles come from sks_counters: from 1, persistent, never used again (sks.md section 5).

CREATE TABLE sks_device (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  vendor_name TEXT NOT NULL,
  vendor_description TEXT NOT NULL,
  attestation_key BLOB NOT NULL            -- sealed PKCS #8
) STRICT;

CREATE TABLE sks_device_path (
  position INTEGER PRIMARY KEY,            -- 0: the device certificate
  certificate BLOB NOT NULL
) STRICT;

CREATE TABLE sks_counters (
  kind TEXT PRIMARY KEY,                   -- session, puk_policy, pin_policy, key, pin
  next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sks_counters VALUES ('session', 1), ('puk_policy', 1), ('pin_policy', 1), ('key', 1), ('pin', 1);

CREATE TABLE sks_sessions (
  handle INTEGER PRIMARY KEY,
  open INTEGER NOT NULL,
  server_session_id TEXT NOT NULL,
  client_session_id TEXT NOT NULL UNIQUE,
  issuer_uri TEXT NOT NULL,
  updatable INTEGER NOT NULL,
  client_time INTEGER NOT NULL,            -- milliseconds, all 64 bits of them
  life_time INTEGER NOT NULL,              -- seconds
  key_limit INTEGER NOT NULL,
  created_at INTEGER NOT NULL,             -- milliseconds, by the store's clock
  key_uses INTEGER NOT NULL,
  mac_counter INTEGER NOT NULL,
  session_key BLOB NOT NULL                -- sealed
) STRICT;

CREATE TABLE sks_puk_policies (
  handle INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sks_sessions ON DELETE CASCADE,
  id TEXT NOT NULL,
  format INTEGER NOT NULL,
  retry_limit INTEGER NOT NULL,
  error_count INTEGER NOT NULL,
  value BLOB NOT NULL,                     -- sealed
  UNIQUE (session, id)
) STRICT;

CREATE TABLE sks_pin_policies (
  handle INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sks_sessions ON DELETE CASCADE,
  id TEXT NOT NULL,
  puk_policy INTEGER REFERENCES sks_puk_policies ON DELETE CASCADE,
  user_defined INTEGER NOT NULL,
  user_modifiable INTEGER NOT NULL,
  format INTEGER NOT NULL,
  retry_limit INTEGER NOT NULL,
  grouping INTEGER NOT NULL,
  pattern_restrictions INTEGER NOT NULL,
  min_length INTEGER NOT NULL,
  max_length INTEGER NOT NULL,
  input_method INTEGER NOT NULL,
  UNIQUE (session, id)
) STRICT;
CREATE INDEX sks_pin_policies_by_puk ON sks_pin_policies (puk_policy);

CREATE TABLE sks_pins (
  id INTEGER PRIMARY KEY,
  policy INTEGER NOT NULL REFERENCES sks_pin_policies ON DELETE CASCADE,
  half INTEGER NOT NULL,
  error_count INTEGER NOT NULL,            -- may run one ahead of the errors made (sks.md section 6)
  value BLOB NOT NULL                      -- sealed
) STRICT;
CREATE INDEX sks_pins_by_policy ON sks_pins (policy);

CREATE TABLE sks_keys (
  handle INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sks_sessions ON DELETE CASCADE,
  id TEXT NOT NULL,
  pin_policy INTEGER REFERENCES sks_pin_policies ON DELETE CASCADE,
  pin INTEGER REFERENCES sks_pins ON DELETE CASCADE,
  biometric_protection INTEGER NOT NULL,
  private_key_backup INTEGER NOT NULL,
  export_policy INTEGER NOT NULL,
  updatable INTEGER NOT NULL,
  delete_policy INTEGER NOT NULL,
  enable_pin_caching INTEGER NOT NULL,
  import_private_key INTEGER NOT NULL,
  usage INTEGER NOT NULL,
  friendly_name TEXT NOT NULL,
  public_key BLOB NOT NULL,
  private_key BLOB NOT NULL,               -- sealed PKCS #8
  UNIQUE (session, id)
) STRICT;
CREATE INDEX sks_keys_by_pin_policy ON sks_keys (pin_policy);
CREATE INDEX sks_keys_by_pin ON sks_keys (pin);

CREATE TABLE sks_certificates (
  key INTEGER NOT NULL REFERENCES sks_keys ON DELETE CASCADE,
  position INTEGER NOT NULL,               -- 0: the end-entity certificate
  fingerprint BLOB NOT NULL,               -- SHA-256
  certificate BLOB NOT NULL,
  PRIMARY KEY (key, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX sks_certificates_by_fingerprint ON sks_certificates (fingerprint) WHERE position = 0;
