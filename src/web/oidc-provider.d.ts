// What oidc-provider has and its published types do not (yet).
import 'oidc-provider'

declare module 'oidc-provider' {
  interface Client {
    backchannelLogout(sub: string, sid?: string): Promise<void>
  }
}
