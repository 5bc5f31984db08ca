<?php
// Who is signed in is what Apache says (REMOTE_USER and OIDC_CLAIM_*, from mod_auth_openidc), at each request. Nothing is
// kept here: when the session with Schedar ends, the next page is a visitor's.

class auth_plugin_authschedar extends DokuWiki_Auth_Plugin
{
    public function __construct()
    {
        parent::__construct();
        $this->cando['external'] = true;
        $this->cando['logout'] = true;
        $this->success = true;
    }

    /** Whatever name and password a browser sends: they are not looked at. */
    public function trustExternal($user, $pass, $sticky = false)
    {
        global $USERINFO;
        $login = $_SERVER['REMOTE_USER'] ?? '';
        if ($login !== '' && $this->isSomebodyElse($login)) {
            msg(sprintf($this->getLang('taken'), hsc($login)), -1);
            $login = '';
        }
        if ($login === '') {
            // Apache sets it empty for visitors, and DokuWiki asks only whether it is there.
            unset($_SERVER['REMOTE_USER']);
            unset($_SESSION[DOKU_COOKIE]['auth']);
            return false;
        }
        $USERINFO = [
            'name' => $_SERVER['OIDC_CLAIM_name'] ?? $login,
            'mail' => $_SERVER['OIDC_CLAIM_email'] ?? '',
            'grps' => $this->groups(),
        ];
        $_SESSION[DOKU_COOKIE]['auth'] = ['user' => $login, 'pass' => '', 'info' => $USERINFO];
        return true;
    }

    /** Groups of Schedar as they are; its roles apart, so that a group named « admin » is not a role. */
    private function groups(): array
    {
        $claim = fn(string $name): array => array_filter(explode(',', $_SERVER["OIDC_CLAIM_$name"] ?? ''));
        $own = array_filter($claim('groups'), fn(string $group): bool => !str_starts_with($group, 'role-'));
        return array_values(array_unique(['user', ...$own, ...array_map(fn($role) => "role-$role", $claim('roles'))]));
    }

    /** A user whom the wiki knew before by a password of its own is not the member of the same name until an admin says so. */
    private function isSomebodyElse(string $login): bool
    {
        if (in_array($login, (array) $this->getConf('linked'), true)) {
            return false;
        }
        $former = @file(DOKU_CONF . 'users.auth.php') ?: [];
        foreach ($former as $line) {
            if (strtok($line, ':') === $login) {
                return true;
            }
        }
        return false;
    }

    /** Only the person of this request is known: the wiki has no list of members. */
    public function getUserData($user, $requireGroups = true)
    {
        global $USERINFO;
        return $user === ($_SERVER['REMOTE_USER'] ?? null) ? $USERINFO : false;
    }

    public function cleanUser($user)
    {
        return $user;
    }
}
