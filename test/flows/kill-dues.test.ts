import { killedDues } from '../contract/killed-dues.ts'

killedDues('SQLite', async () => undefined)
