import { mailAtOnce } from '../contract/mail-at-once.ts'

mailAtOnce('SQLite', async () => undefined)
