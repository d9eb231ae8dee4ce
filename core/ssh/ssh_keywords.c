/* ssh_keywords.c - see ssh_keywords.h */
#include "ssh/ssh_keywords.h"

#include <strings.h>

#include "base/mem.h"

/*
 * The third column holds values that ask for what happens anyway (nothing is forwarded, no agent
 * is asked, nobody is prompted); "*" marks keywords that concern only ssh's own terminal.
 */
static const struct ssh_keyword KEYWORDS[] = {
	{ "Host", SSH_HOST, NULL },
	{ "Match", SSH_MATCH, NULL },
	{ "HostName", SSH_HOSTNAME, NULL },
	{ "User", SSH_USER, NULL },
	{ "Port", SSH_PORT, NULL },
	{ "IdentityFile", SSH_IDENTITY_FILE, NULL },
	{ "UserKnownHostsFile", SSH_USER_KNOWN_HOSTS, NULL },
	{ "GlobalKnownHostsFile", SSH_GLOBAL_KNOWN_HOSTS, NULL },
	{ "ConnectTimeout", SSH_CONNECT_TIMEOUT, NULL },
	{ "StrictHostKeyChecking", SSH_STRICT, NULL },
	{ "IgnoreUnknown", SSH_IGNORE_UNKNOWN, NULL },
	{ "AddKeysToAgent", SSH_OTHER, "no" },
	{ "AddressFamily", SSH_OTHER, "any" },
	{ "BatchMode", SSH_OTHER, "yes" },
	{ "BindAddress", SSH_OTHER, NULL },
	{ "BindInterface", SSH_OTHER, NULL },
	{ "CASignatureAlgorithms", SSH_OTHER, NULL },
	{ "CanonicalDomains", SSH_OTHER, NULL },
	{ "CanonicalizeFallbackLocal", SSH_OTHER, NULL },
	{ "CanonicalizeHostname", SSH_OTHER, "no" },
	{ "CanonicalizeMaxDots", SSH_OTHER, NULL },
	{ "CanonicalizePermittedCNAMEs", SSH_OTHER, NULL },
	{ "CertificateFile", SSH_OTHER, NULL },
	{ "ChallengeResponseAuthentication", SSH_OTHER, "no" },
	{ "ChannelTimeout", SSH_OTHER, NULL },
	{ "CheckHostIP", SSH_OTHER, "no" },
	{ "Cipher", SSH_OTHER, NULL },
	{ "Ciphers", SSH_OTHER, "aes128-ctr" },
	{ "ClearAllForwardings", SSH_OTHER, "*" },
	{ "Compression", SSH_OTHER, "no" },
	{ "ConnectionAttempts", SSH_OTHER, "1" },
	{ "ControlMaster", SSH_OTHER, "no" },
	{ "ControlPath", SSH_OTHER, "*" },
	{ "ControlPersist", SSH_OTHER, "*" },
	{ "DSAAuthentication", SSH_OTHER, "no" },
	{ "DynamicForward", SSH_OTHER, NULL },
	{ "EnableEscapeCommandline", SSH_OTHER, "*" },
	{ "EnableSSHKeysign", SSH_OTHER, "no" },
	{ "EscapeChar", SSH_OTHER, "*" },
	{ "ExitOnForwardFailure", SSH_OTHER, "*" },
	{ "FallBackToRsh", SSH_OTHER, "no" },
	{ "FingerprintHash", SSH_OTHER, "sha256" },
	{ "ForkAfterAuthentication", SSH_OTHER, "no" },
	{ "ForwardAgent", SSH_OTHER, "no" },
	{ "ForwardX11", SSH_OTHER, "no" },
	{ "ForwardX11Timeout", SSH_OTHER, "*" },
	{ "ForwardX11Trusted", SSH_OTHER, "*" },
	{ "GSSAPIAuthentication", SSH_OTHER, "no" },
	{ "GSSAPIDelegateCredentials", SSH_OTHER, "no" },
	{ "GSSAPIKeyExchange", SSH_OTHER, "no" },
	{ "GSSAPIRenewalForcesRekey", SSH_OTHER, "no" },
	{ "GSSAPIServerIdentity", SSH_OTHER, NULL },
	{ "GSSAPITrustDns", SSH_OTHER, "no" },
	{ "GatewayPorts", SSH_OTHER, "*" },
	{ "GlobalKnownHostsFile2", SSH_OTHER, NULL },
	{ "HashKnownHosts", SSH_OTHER, "no" },
	{ "HostKeyAlgorithms", SSH_OTHER, "ssh-ed25519" },
	{ "HostKeyAlias", SSH_OTHER, NULL },
	{ "HostbasedAcceptedAlgorithms", SSH_OTHER, "*" },
	{ "HostbasedAuthentication", SSH_OTHER, "no" },
	{ "HostbasedKeyTypes", SSH_OTHER, "*" },
	{ "IPQoS", SSH_OTHER, NULL },
	{ "IdentitiesOnly", SSH_OTHER, "yes" },
	{ "IdentityAgent", SSH_OTHER, "none" },
	{ "Include", SSH_OTHER, NULL },
	{ "InteractiveCommand", SSH_OTHER, NULL },
	{ "KbdInteractiveAuthentication", SSH_OTHER, "no" },
	{ "KbdInteractiveDevices", SSH_OTHER, "*" },
	{ "KexAlgorithms", SSH_OTHER, "curve25519-sha256" },
	{ "KnownHostsCommand", SSH_OTHER, "none" },
	{ "LocalCommand", SSH_OTHER, NULL },
	{ "LocalForward", SSH_OTHER, NULL },
	{ "LogLevel", SSH_OTHER, "*" },
	{ "LogVerbose", SSH_OTHER, "*" },
	{ "MACs", SSH_OTHER, "hmac-sha2-256" },
	{ "NoHostAuthenticationForLocalhost", SSH_OTHER, "no" },
	{ "NumberOfPasswordPrompts", SSH_OTHER, "*" },
	{ "ObscureKeystrokeTiming", SSH_OTHER, "*" },
	{ "PKCS11Provider", SSH_OTHER, "none" },
	{ "PasswordAuthentication", SSH_OTHER, "no" },
	{ "PermitLocalCommand", SSH_OTHER, "no" },
	{ "PermitRemoteOpen", SSH_OTHER, "*" },
	{ "PreferredAuthentications", SSH_OTHER, "publickey" },
	{ "Protocol", SSH_OTHER, "2" },
	{ "ProxyCommand", SSH_OTHER, "none" },
	{ "ProxyJump", SSH_OTHER, "none" },
	{ "ProxyUseFdpass", SSH_OTHER, "no" },
	{ "PubkeyAcceptedAlgorithms", SSH_OTHER, NULL },
	{ "PubkeyAcceptedKeyTypes", SSH_OTHER, NULL },
	{ "PubkeyAuthentication", SSH_OTHER, "yes" },
	{ "RSAAuthentication", SSH_OTHER, "*" },
	{ "RekeyLimit", SSH_OTHER, "default*" },
	{ "RemoteCommand", SSH_OTHER, "none" },
	{ "RemoteForward", SSH_OTHER, NULL },
	{ "RequestTTY", SSH_OTHER, "no,auto" },
	{ "RequiredRSASize", SSH_OTHER, "*" },
	{ "RevokedHostKeys", SSH_OTHER, "none" },
	{ "RhostsRSAAuthentication", SSH_OTHER, "no" },
	{ "SecurityKeyProvider", SSH_OTHER, "*" },
	{ "SendEnv", SSH_OTHER, "LANG,LC_*" },
	{ "ServerAliveCountMax", SSH_OTHER, "3" },
	{ "ServerAliveInterval", SSH_OTHER, "15" },
	{ "SessionType", SSH_OTHER, "default" },
	{ "SetEnv", SSH_OTHER, NULL },
	{ "SkeyAuthentication", SSH_OTHER, "no" },
	{ "SmartcardDevice", SSH_OTHER, NULL },
	{ "StdinNull", SSH_OTHER, "*" },
	{ "StreamLocalBindMask", SSH_OTHER, "*" },
	{ "StreamLocalBindUnlink", SSH_OTHER, "*" },
	{ "SyslogFacility", SSH_OTHER, "*" },
	{ "TCPKeepAlive", SSH_OTHER, "*" },
	{ "Tag", SSH_OTHER, "*" },
	{ "Tunnel", SSH_OTHER, "no" },
	{ "TunnelDevice", SSH_OTHER, "*" },
	{ "UpdateHostKeys", SSH_OTHER, "no" },
	{ "UsePrivilegedPort", SSH_OTHER, "no" },
	{ "UserKnownHostsFile2", SSH_OTHER, NULL },
	{ "VerifyHostKeyDNS", SSH_OTHER, "no" },
	{ "VisualHostKey", SSH_OTHER, "no" },
	{ "XAuthLocation", SSH_OTHER, "*" },
};

_Static_assert(ARRAY_LEN(KEYWORDS) <= SSH_KEYWORDS_MAX, "the notes have one flag a keyword");

const struct ssh_keyword *ssh_keyword_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(KEYWORDS); i++) {
		if (strcasecmp(KEYWORDS[i].name, name) == 0)
			return &KEYWORDS[i];
	}
	return NULL;
}

size_t ssh_keyword_index(const struct ssh_keyword *k)
{
	return (size_t)(k - KEYWORDS);
}
