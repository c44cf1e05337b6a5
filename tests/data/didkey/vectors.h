/* SPDX-License-Identifier: Apache-2.0
 * did:key, Ed25519 and base58btc vectors as C tables; ORIGIN.md tells where they come from. */
#ifndef METE_TESTS_DATA_DIDKEY_VECTORS_H
#define METE_TESTS_DATA_DIDKEY_VECTORS_H

struct did_row {
    const char *name;
    const char *seed; /* hex, as are the following but `did` and `method` */
    const char *public_key;
    const char *did;
    const char *method; /* the did with its fragment */
    const char *message;
    const char *signature;
};

static const struct did_row DID_VALID[] = {
    {"rfc8032-test-1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
     "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw#"
     "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
     "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe24655141438e7a100b"},
    {"rfc8032-test-2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "did:key:z6MkiaMbhXHNA4eJVCCj8dbzKzTgYDKf6crKgHVHid1F1WCT",
     "did:key:z6MkiaMbhXHNA4eJVCCj8dbzKzTgYDKf6crKgHVHid1F1WCT#"
     "z6MkiaMbhXHNA4eJVCCj8dbzKzTgYDKf6crKgHVHid1F1WCT",
     "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"rfc8032-test-3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "did:key:z6MkwSD8dBdqcXQzKJZQFPy2hh2izzxskndKCjdmC2dBpfME",
     "did:key:z6MkwSD8dBdqcXQzKJZQFPy2hh2izzxskndKCjdmC2dBpfME#"
     "z6MkwSD8dBdqcXQzKJZQFPy2hh2izzxskndKCjdmC2dBpfME",
     "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed28dc027beceea1ec40a"},
    {"generated-3", "3741abecbb4bcd3d597e1391d0870bfb9be8533f3dd1588a4f29c71d11f1fa47",
     "fe2821364fc8a1de73ea3adb37ffbf01f06708b9e0ab716c5c45e8583d2ca814",
     "did:key:z6MkwZP6Ga3HiWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym5",
     "did:key:z6MkwZP6Ga3HiWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym5#"
     "z6MkwZP6Ga3HiWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym5",
     "6d6573736167652033",
     "ac004dbd416b06b57e59e3c449de1730ff9059208b7ad0c68cf3c24fe8b5c18d372f9b6b618d44433a471750fc8e9"
     "809a2758575a770f3199072c0550ca43400"},
    {"generated-4", "cdf872f2cc3457c06d266f815cf4ed96d95980f81b03688b21d3e147f5993849",
     "c4150e8f0d43792131c5ed269c01e6a215ac6e7a4b4fb4e0d7689ca2c455e070",
     "did:key:z6MksegaRRmnF5Zh8S6mZidkayoVASUu7MNQ8ChNT6QMPg3q",
     "did:key:z6MksegaRRmnF5Zh8S6mZidkayoVASUu7MNQ8ChNT6QMPg3q#"
     "z6MksegaRRmnF5Zh8S6mZidkayoVASUu7MNQ8ChNT6QMPg3q",
     "6d6573736167652034",
     "226d2036be7db127a80c06dd2d429e9997999f3edbaff0e606ab4684c3d85a46789e3886b0574f8b4ef39d0697d76"
     "68f66ac492d7c0403ce9255bcb2df949900"},
    {"generated-5", "1c178290beee4ca811815b0e54bf28cd3ec8a9ec4f0730389550edd2fbb703c2",
     "ae0ac5d22898dce63076a42becc0b68f3b3af293c4a8e1d65e517d1bad6fa29b",
     "did:key:z6MkrAeWfp5ddSbWBijBaMi26SjiFmX6hwPaEAZWSd9qBNev",
     "did:key:z6MkrAeWfp5ddSbWBijBaMi26SjiFmX6hwPaEAZWSd9qBNev#"
     "z6MkrAeWfp5ddSbWBijBaMi26SjiFmX6hwPaEAZWSd9qBNev",
     "6d6573736167652035",
     "c3e4a4a9dba6afad40fe1414c21c42c1ce73b0a057683d4a59526cbf9ce233b9afd63ca7ed9ffaa393858e39f83fa"
     "9580b8e6e9e4caa3574b4f2167bfe28160a"},
    {"generated-6", "b5b5af833c8fcc42f495e543b31d3251cf5083253af4d55622db81cc97eb4361",
     "2db050cb4b942bde30fe0a524d2838aa7227fd94e1aa0de3cea08910d684964f",
     "did:key:z6MkhXcKstwmd6LKtYjC9oaQCyJn43Qni2sLgLMm8tzd8Wqc",
     "did:key:z6MkhXcKstwmd6LKtYjC9oaQCyJn43Qni2sLgLMm8tzd8Wqc#"
     "z6MkhXcKstwmd6LKtYjC9oaQCyJn43Qni2sLgLMm8tzd8Wqc",
     "6d6573736167652036",
     "c5beaab1f6b166cba4b5fcf69dff6fb307537d3811c14ad56e03d9bd1d12012ece1e67db177a1c38789aa01860cc0"
     "9ba2e6aa13e93f0e81491c2b799465ef00d"},
    {"generated-7", "1e357cb59fc53112225c325c0ea90cc4442b971d381a5273c1f376dad4316d49",
     "794393d0345ea082c5da963be987964502650378bb8dcaa3893ae312f46449b3",
     "did:key:z6Mkncd9EJ8CFfGs8HWQqQZMD1H6zPgxLqLjfA3uGqvwUbaz",
     "did:key:z6Mkncd9EJ8CFfGs8HWQqQZMD1H6zPgxLqLjfA3uGqvwUbaz#"
     "z6Mkncd9EJ8CFfGs8HWQqQZMD1H6zPgxLqLjfA3uGqvwUbaz",
     "6d6573736167652037",
     "fbba82b8ce790f137e85a4cd68af47813322b99d48e0667de4555ac13b2b5d3b6433f8cd5cb1063168b0e6ee8b52f"
     "83c191f6931967695012eb72f6e14925801"},
    {"generated-8", "9337c6e706a1d6bdc2cf211569b61539b0e6cdc4ae02a0b3728c60d2d12be511",
     "f544dff01f72a3a280b805d453bbcf767e077d18051bf063d9aa8eb1dfedfea3",
     "did:key:z6MkvxgqwYMHfJRaT1LWxEmRD3apSs3SJzG64wpYuq8P9YwC",
     "did:key:z6MkvxgqwYMHfJRaT1LWxEmRD3apSs3SJzG64wpYuq8P9YwC#"
     "z6MkvxgqwYMHfJRaT1LWxEmRD3apSs3SJzG64wpYuq8P9YwC",
     "6d6573736167652038",
     "caa3607e64a8557239f86d7bb6b2ef56cc1c3d98f78f253ba58659ed792ccf74456a413e09c21347b7f86c7edc7ce"
     "5282f0cb3667d8b2e58661443d68810b50b"},
    {"generated-9", "725766b650b108e103555ae4620cc5149f49473f442915468c09015bc951e299",
     "2a964d53ecce6c20a751f8dbda5c3835e9b1ba5998271b09be4c2c30527996c0",
     "did:key:z6MkhKW6ZXD75wuzheE2TkUKB4C3r2yi1a9pxGcBRxkJS2v3",
     "did:key:z6MkhKW6ZXD75wuzheE2TkUKB4C3r2yi1a9pxGcBRxkJS2v3#"
     "z6MkhKW6ZXD75wuzheE2TkUKB4C3r2yi1a9pxGcBRxkJS2v3",
     "6d6573736167652039",
     "369d6de47b71f9bf7a9255553206540e3338e6c272d413e088a57badc5837440f5bc0f69a9da2e0a501bb0dbfa53b"
     "021e8c98d2f31314a6d9f93d8bae1f6c604"},
};

static const char *const DID_INVALID[] = {
    "did:key:z6MkwZP6Ga3HiWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym",   /* multicodec or length */
    "did:key:6MkwZP6Ga3HiWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym5",   /* missing multibase prefix */
    "did:key:u7QH-KCE2T8ih3nPqOts3_78B8GcIueCrcWxcRehYPSyoFA",   /* multibase not base58btc */
    "did:key:z6MkwZP6Ga3HiWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym0",  /* base58 character */
    "did:key:z6MkwZP6Ga3HlWcAP8jr58tromQ2n8FDQ77hHhGPxu3Z4ym5",  /* base58 character */
    "did:key:zQ3sheWuoX3mXHhp7eu9QE1AfAhpX7JSymC44Vi1v9ocCQ9Ky", /* multicodec not ed25519 */
    "did:key:z6LStnJDCdbiURqSN2GuvDSyHG4WohWUgq3VUf59d5j4s8kT",  /* multicodec not ed25519 */
    "did:key:z2DQYr2P3AkZneyT9BpKNL1RReFHGD4g4RVhr6Vs4buEcLf",   /* length */
    "did:key:zQecwovWFiq6nDgCQhA7bFqtqQxerAyjiyzYpgixMiiGYZXWf", /* length */
    "did:web:example.com",                                       /* method */
    "did:key:z",                                                 /* empty */
    "",                                                          /* empty */
};

struct signature_row {
    const char *name;
    const char *public_key;
    const char *message;
    const char *signature;
};

static const struct signature_row SIGNATURES_INVALID[] = {
    {"flipped-bit", "c4150e8f0d43792131c5ed269c01e6a215ac6e7a4b4fb4e0d7689ca2c455e070",
     "6d6573736167652034",
     "236d2036be7db127a80c06dd2d429e9997999f3edbaff0e606ab4684c3d85a46789e3886b0574f8b4ef39d0697d76"
     "68f66ac492d7c0403ce9255bcb2df949900"},
    {"other-message", "c4150e8f0d43792131c5ed269c01e6a215ac6e7a4b4fb4e0d7689ca2c455e070",
     "6d657373616765203400",
     "226d2036be7db127a80c06dd2d429e9997999f3edbaff0e606ab4684c3d85a46789e3886b0574f8b4ef39d0697d76"
     "68f66ac492d7c0403ce9255bcb2df949900"},
    {"other-key", "ae0ac5d22898dce63076a42becc0b68f3b3af293c4a8e1d65e517d1bad6fa29b",
     "6d6573736167652034",
     "226d2036be7db127a80c06dd2d429e9997999f3edbaff0e606ab4684c3d85a46789e3886b0574f8b4ef39d0697d76"
     "68f66ac492d7c0403ce9255bcb2df949900"},
    {"s-plus-order", "c4150e8f0d43792131c5ed269c01e6a215ac6e7a4b4fb4e0d7689ca2c455e070",
     "6d6573736167652034",
     "226d2036be7db127a80c06dd2d429e9997999f3edbaff0e606ab4684c3d85a4665722ee3caba61e3249095a975d14"
     "5a466ac492d7c0403ce9255bcb2df949910"},
    {"truncated", "c4150e8f0d43792131c5ed269c01e6a215ac6e7a4b4fb4e0d7689ca2c455e070",
     "6d6573736167652034",
     "226d2036be7db127a80c06dd2d429e9997999f3edbaff0e606ab4684c3d85a46789e3886b0574f8b4ef39d0697d76"
     "68f66ac492d7c0403ce9255bcb2df9499"},
};

struct base58_row {
    const char *hex;
    const char *text;
};

static const struct base58_row BASE58_VALID[] = {
    {"", ""},
    {"00", "1"},
    {"0000", "11"},
    {"61", "2g"},
    {"626262", "a3gV"},
    {"636363", "aPEr"},
    {"73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"},
    {"00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"},
    {"516b6fcd0f", "ABnLTmg"},
    {"bf4f89001e670274dd", "3SEo3LWLoPntC"},
    {"572e4794", "3EFU7m"},
    {"ecac89cad93923c02321", "EJDM8drfXA6uyA"},
    {"10c8511e", "Rt5zm"},
    {"00000000000000000000", "1111111111"},
    {"00010966776006953d5567439e5e39f86a0d273beed61967f6", "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM"},
};

static const char *const BASE58_INVALID[] = {
    "0", "O", "I", "l", "3mJr0", "+", "2g ",
};

#endif
