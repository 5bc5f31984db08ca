<?php
// The door that closes: OpenID Connect Back-Channel Logout 1.0. Schedar posts a logout token here when an account signs
// out, is suspended or loses its access; every session of its author ends. spip.php?action=schedar_fin

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_jetons');
include_spip('inc/schedar_auteurs');

function action_schedar_fin_dist() {
	header('Cache-Control: no-store');
	try {
		if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
			throw new SchedarRefus('refus_jeton', 'a logout token is posted');
		}
		schedar_finir($_POST['logout_token'] ?? null);
		http_response_code(200);
	} catch (SchedarRefus $refus) {
		schedar_journal('back-channel logout: ' . $refus->getMessage());
		// 400 for a token that will never do (§2.8); 503 for a fault of ours: the provider tries again.
		http_response_code($refus->statut === 503 ? 503 : 400);
		header('Content-Type: application/json');
		echo json_encode(['error' => $refus->statut === 503 ? 'server_error' : 'invalid_request', 'error_description' => $refus->getMessage()]);
	}
	exit;
}

function schedar_finir($jeton): void {
	$dits = schedar_jeton_fin($jeton);
	schedar_une_seule_fois($dits);
	$id_auteur = schedar_seul_a_lier(function () use ($dits) {
		// Written first: a sign-in under way, or a hit that writes its session back, is older than this instant.
		schedar_ecrire_lien($dits['sub'], ['fin' => schedar_instant()]);

		return (int) schedar_lien($dits['sub'])['id_auteur'];
	});
	if ($id_auteur) {
		schedar_fermer_sessions($id_auteur);
	}
	schedar_journal("back-channel logout: sessions of author $id_auteur ended");
}

/** A logout token is taken once: its jti is a file until it has expired. `x` creates it or fails, in one step. */
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
			throw new SchedarRefus('refus_jeton', 'this logout token was received before');
		}
		throw new SchedarRefus('refus_reglages', 'tmp/schedar/ cannot be written', 503);
	}
	fclose($neuf);
	// No later than the token itself could still be taken: see schedar_verifier_commun().
	touch($fichier, min($dits['exp'], $dits['iat'] + SCHEDAR_JEUNE) + 2 * SCHEDAR_ECART);
}
