<?php
// Read on every hit, after SPIP has opened the visitor's session: loads the settings, closes the other doors in
// single-door mode, and sees that a session opened by Schedar is still worth what it says.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

if (!defined('_SCHEDAR_EMETTEUR') && is_readable(_DIR_ETC . 'schedar.php')) {
	include_once _DIR_ETC . 'schedar.php';
}

// The single door is remembered: a settings file that can no longer be read must not bring local passwords back.
$schedar_seul = defined('_SCHEDAR_SEUL') ? (bool) _SCHEDAR_SEUL : (($GLOBALS['meta']['schedar_seul'] ?? '') === 'oui');
if (isset($GLOBALS['meta']['schedar_base_version'])) {
	if ($schedar_seul !== (($GLOBALS['meta']['schedar_seul'] ?? '') === 'oui')) {
		ecrire_meta('schedar_seul', $schedar_seul ? 'oui' : 'non');
	}
	if ($schedar_seul) {
		// No local password, no LDAP, no HTTP Basic: ecrire/inc/auth.php asks these two globals.
		$GLOBALS['liste_des_authentifications'] = ['schedar' => 'schedar'];
		$GLOBALS['ignore_auth_http'] = true;
	}
	if (is_file(_DIR_ETC . 'schedar-secours.php')) {
		// The rescue door, if it is open, is this method's (inc/schedar_secours.php).
		$GLOBALS['liste_des_authentifications']['schedar'] = 'schedar';
	}
	if ($GLOBALS['cookie_prefix'] === 'spip' && defined('_SCHEDAR_SITE')) {
		include_spip('inc/schedar_session');
		schedar_separer_cookies();
	}
	if (!empty($GLOBALS['visiteur_session']['id_auteur'])) {
		include_spip('inc/schedar_session');
		schedar_garder_session($schedar_seul);
	}
	if (!$schedar_seul && !empty($_SERVER['REMOTE_USER'])) {
		// auth_mode() opens the author of that login without a password: fit for local authors, never for ours.
		include_spip('inc/schedar_session');
		schedar_garder_remote_user((string) $_SERVER['REMOTE_USER']);
	}
}
unset($schedar_seul);
