// The LDAP directory keeps the contract of every directory, on a real slapd.
import { directoryContract } from '../contract/directory.ts'
import { accountOf, openDirectory } from '../support/ldap.ts'
import { startSlapd } from '../support/slapd.ts'

directoryContract('LDAP', async () => {
  const slapd = await startSlapd({ policy: { pwdMaxFailure: '50' } })
  const { directory } = await openDirectory(slapd)
  return {
    directory,
    account: async (uid, password) => accountOf(uid, await slapd.addPerson({ uid, password })),
    close: async () => {
      await directory.close()
      await slapd.remove()
    },
  }
})
