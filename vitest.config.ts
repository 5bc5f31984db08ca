import { defineConfig } from 'vitest/config'

// `core` needs nothing but Node. `servers` starts real ones (MariaDB, slapd, Dovecot, Apache, SPIP, Chromium), each a
// private instance on loopback; test/support/packages.ts sees that they are there. Nothing is ever skipped.
const servers = ['test/services/**', 'test/browser/**', 'test/issues/**']

/** What is waited for comes soon, but not on a machine that has much else to do. */
const poll = { timeout: 10_000 }

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'core',
          include: ['test/**/*.test.ts'],
          exclude: servers,
          testTimeout: 20_000,
          // Starting a house takes a second, and several on a busy machine.
          hookTimeout: 60_000,
          allowOnly: false,
          expect: { poll },
        },
      },
      {
        test: {
          name: 'servers',
          include: servers.map((folder) => `${folder}/*.test.ts`),
          testTimeout: 120_000,
          hookTimeout: 120_000,
          allowOnly: false,
          expect: { poll },
        },
      },
    ],
  },
})
