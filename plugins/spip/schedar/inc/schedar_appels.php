<?php
// What Schedar calls the site for by itself: one POST of one signed token, which is taken once. Signing out and lowered
// roles are two doors with a type of token each.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_jetons');
include_spip('inc/schedar_auteurs');

/**
 * Answers a call: 200 without a word, 400 for a token that will never do (Back-Channel Logout 1.0 §2.8), 503 for a fault
 * of ours, after which Schedar tries again.
 *
 * @param callable(mixed): void $travail given the posted token
 */
function schedar_recevoir(string $porte, string $champ, callable $travail): void {
	header('Cache-Control: no-store');
	try {
		if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
			throw new SchedarRefus('refus_jeton', 'a token is posted');
		}
		// Before the token is spent: without its database SPIP ends half-way, and the token could not be taken again.
		if (!spip_connect()) {
			throw new SchedarRefus('refus_reglages', 'the database cannot be reached', 503);
		}
		$travail($_POST[$champ] ?? null);
		schedar_noter($porte);
		http_response_code(200);
	} catch (SchedarRefus $refus) {
		schedar_journal("$porte: " . $refus->getMessage());
		$faute = $refus->statut === 503;
		http_response_code($faute ? 503 : 400);
		header('Content-Type: application/json');
		echo json_encode(['error' => $faute ? 'server_error' : 'invalid_request', 'error_description' => $refus->getMessage()]);
	}
	exit;
}

/** When each door was last used is the time of an empty file: the settings page shows it. */
function schedar_noter(string $porte): void {
	@touch(schedar_dossier() . "dernier-$porte");
}

/** A token is taken once: its jti is a file until it has expired. `x` creates it or fails, in one step. */
function schedar_une_seule_fois(array $dits): void {
	$dossier = schedar_dossier('fins');
	foreach (glob($dossier . '*.jti') ?: [] as $ancien) {
		if (@filemtime($ancien) < time()) {
			@unlink($ancien);
		}
	}
	$fichier = $dossier . hash('sha256', $dits['iss'] . "\0" . $dits['jti']) . '.jti';
	$neuf = @fopen($fichier, 'x');
	if (!$neuf) {
		if (is_file($fichier)) {
			throw new SchedarRefus('refus_jeton', 'this token was received before');
		}
		throw new SchedarRefus('refus_reglages', 'tmp/schedar/ cannot be written', 503);
	}
	fclose($neuf);
	// No later than the token itself could still be taken: see schedar_tokens::check_common().
	touch($fichier, min($dits['exp'], $dits['iat'] + schedar_tokens::YOUNG) + 2 * schedar_tokens::SKEW);
}
