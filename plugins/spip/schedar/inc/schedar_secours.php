<?php
// The rescue door: while Schedar cannot be reached, somebody who can write files on the server lets a webmaster in. It is
// open while config/schedar-secours.php, younger than an hour, returns a passphrase; nothing else opens it, and what was
// opened by it ends with it.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar');

const SCHEDAR_SECOURS_FICHIER = 'schedar-secours.php';
/** Seconds from the file's own time, characters of a passphrase, wrong ones until it closes. */
const SCHEDAR_SECOURS_DUREE = 3600;
const SCHEDAR_SECOURS_LONGUEUR = 16;
const SCHEDAR_SECOURS_ESSAIS = 20;

/** Wrong tries since the file was written: one byte each. */
function schedar_secours_essais(int $depuis): string {
	return schedar_dossier('secours') . "$depuis.essais";
}

/** When the door was opened, as a Unix time; 0 while it is closed. */
function schedar_secours_depuis(): int {
	$fichier = _DIR_ETC . SCHEDAR_SECOURS_FICHIER;
	clearstatcache(true, $fichier);
	$depuis = (int) @filemtime($fichier);
	$age = time() - $depuis;
	// A time to come would keep it open for as long as somebody likes.
	if (!$depuis || $age < -SCHEDAR_SECOURS_DUREE / 60 || $age >= SCHEDAR_SECOURS_DUREE) {
		return 0;
	}

	return (int) @filesize(schedar_secours_essais($depuis)) < SCHEDAR_SECOURS_ESSAIS ? $depuis : 0;
}

/** The passphrase of the file; empty when it is too short to be one. */
function schedar_secours_phrase(): string {
	$phrase = is_readable(_DIR_ETC . SCHEDAR_SECOURS_FICHIER) ? include _DIR_ETC . SCHEDAR_SECOURS_FICHIER : '';

	return is_string($phrase) && strlen($phrase) >= SCHEDAR_SECOURS_LONGUEUR ? $phrase : '';
}

/**
 * The row of the webmaster whom this passphrase lets in, or nothing. Schedar's last word and the site's own decide who is
 * one, and a local password is of no use here.
 *
 * @return array<string, mixed>
 */
function schedar_secours_essayer(string $login, string $phrase): array {
	$depuis = schedar_secours_depuis();
	if (!$depuis) {
		return [];
	}
	$attendue = schedar_secours_phrase();
	if ($attendue === '') {
		schedar_journal('rescue door: ' . SCHEDAR_SECOURS_FICHIER . ' returns no passphrase of ' . SCHEDAR_SECOURS_LONGUEUR . ' characters or more');

		return [];
	}
	$de = ' from ' . ($GLOBALS['ip'] ?? '?');
	$webmestre = sql_fetsel('*', 'spip_auteurs', ['login=' . sql_quote($login, '', 'text'), "login<>''", "statut='0minirezo'", "webmestre='oui'"]);
	if (!hash_equals(hash('sha256', $attendue), hash('sha256', $phrase)) || !$webmestre || $webmestre['login'] !== $login) {
		file_put_contents(schedar_secours_essais($depuis), 'x', FILE_APPEND | LOCK_EX);
		schedar_journal("rescue door: refused$de");

		return [];
	}
	schedar_journal('rescue door: author ' . (int) $webmestre['id_auteur'] . " let in$de");

	return $webmestre + ['schedar_secours' => $depuis];
}

/**
 * Which sessions the door opened is kept beside them, by their identifier: SPIP copies what a session holds to the
 * author's other sessions, so that a word in it would soon be in all, or in none.
 */
function schedar_secours_marque(): string {
	return schedar_dossier('secours') . hash('sha256', (string) ($_COOKIE['spip_session'] ?? '')) . '.session';
}

/** Marks the session that has just begun. */
function schedar_secours_marquer(int $depuis): void {
	foreach (glob(schedar_dossier('secours') . '*') ?: [] as $ancien) {
		if (@filemtime($ancien) < time() - 86400) {
			@unlink($ancien);
		}
	}
	file_put_contents(schedar_secours_marque(), (string) $depuis);
}

/** When the door was opened by which this session came in; 0 for one that did not. */
function schedar_secours_de_la_session(): int {
	return isset($_COOKIE['spip_session']) ? (int) @file_get_contents(schedar_secours_marque()) : 0;
}
