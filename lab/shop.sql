-- SPDX-License-Identifier: Apache-2.0
-- The shop's tables and roles. Run by a superuser in the shop's database; may be run again.
-- psql variables: tier1_password, tier2_password.
-- Tier 1 (orders, payments, ledger_probe) is written by shop_tier1 and waits for the durability set; tier 2 by shop_tier2, which does not.
SELECT 'CREATE ROLE shop_tier1 LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_tier1') \gexec
SELECT 'CREATE ROLE shop_tier2 LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_tier2') \gexec
ALTER ROLE shop_tier1 PASSWORD :'tier1_password';
ALTER ROLE shop_tier2 PASSWORD :'tier2_password';
ALTER ROLE shop_tier1 SET synchronous_commit = 'on';
ALTER ROLE shop_tier2 SET synchronous_commit = 'local';

-- `key` is the client's idempotency key. A repeated request updates `attempts`, so that its commit waits for the durability set too:
-- a commit that changes nothing would not wait, and could acknowledge a row that only the writer holds.
CREATE TABLE IF NOT EXISTS orders (
    key text PRIMARY KEY, client_id text NOT NULL, sku text NOT NULL, amount_cents bigint NOT NULL,
    region text NOT NULL, node text NOT NULL, attempts integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS payments (
    key text PRIMARY KEY, client_id text NOT NULL, sku text NOT NULL, amount_cents bigint NOT NULL,
    region text NOT NULL, node text NOT NULL, attempts integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS inventory (
    key text PRIMARY KEY, client_id text NOT NULL, sku text NOT NULL, quantity_change bigint NOT NULL,
    region text NOT NULL, node text NOT NULL, attempts integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS customers (
    key text PRIMARY KEY, client_id text NOT NULL, name text NOT NULL, credit_cents bigint NOT NULL,
    region text NOT NULL, node text NOT NULL, attempts integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS products (
    key text PRIMARY KEY, client_id text NOT NULL, sku text NOT NULL, price_cents bigint NOT NULL,
    region text NOT NULL, node text NOT NULL, attempts integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
-- What the SQL clients of the lab write (lab/client.c).
CREATE TABLE IF NOT EXISTS ledger_probe (
    key text PRIMARY KEY, client_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());

GRANT SELECT, INSERT, UPDATE ON orders, payments TO shop_tier1;
GRANT SELECT, INSERT ON ledger_probe TO shop_tier1;
GRANT SELECT, INSERT, UPDATE ON inventory, customers, products TO shop_tier2;
