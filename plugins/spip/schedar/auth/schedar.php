<?php
// The authentication method of authors whose `source` is schedar. It accepts no password but the rescue door's, in the
// form alone, and refuses to set one: « mot de passe oublié », HTTP Basic and the author's page all ask here.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/**
 * @param string $login
 * @param string $pass
 * @param string $serveur
 * @param bool $phpauth
 * @return array
 */
function auth_schedar_dist($login, $pass, $serveur = '', $phpauth = false) {
	// SPIP says $phpauth for HTTP Basic, and when it has a password confirmed.
	if ($phpauth || $serveur !== '') {
		return [];
	}
	include_spip('inc/schedar_secours');

	return schedar_secours_essayer((string) $login, (string) $pass);
}

/** @return bool */
function auth_schedar_autoriser_modifier_login($serveur = '') {
	return false;
}

/** @return bool */
function auth_schedar_autoriser_modifier_pass($serveur = '') {
	return false;
}

/** @return bool */
function auth_schedar_modifier_login($new_login, $id_auteur, $serveur = '') {
	return false;
}

/** @return bool */
function auth_schedar_modifier_pass($login, $new_pass, $id_auteur, $serveur = '') {
	return false;
}
