/* SPDX-License-Identifier: MIT
 *
 * sha256.c - SHA-256 through libcrypto's EVP interface (the only file that includes openssl).
 */
#include "core/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"

enum { DIGEST_SIZE = 32, CHUNK = 1 << 18 };

static void to_hex(char hex[SC_SHA256_HEX], const unsigned char digest[DIGEST_SIZE])
{
    static const char digit[] = "0123456789abcdef";

    for (int i = 0; i < DIGEST_SIZE; i++) {
        hex[2 * i] = digit[digest[i] >> 4];
        hex[2 * i + 1] = digit[digest[i] & 15];
    }
    hex[2 * DIGEST_SIZE] = '\0';
}

int sc_sha256(char hex[SC_SHA256_HEX], const void *data, size_t size, simclr_error *err)
{
    unsigned char digest[DIGEST_SIZE];

    if (EVP_Digest(size ? data : "", size, digest, NULL, EVP_sha256(), NULL) != 1)
        return sc_fail(err, SIMCLR_E_INTERNAL, "libcrypto: SHA-256 is not available");
    to_hex(hex, digest);
    return 0;
}

static int hash_descriptor(char hex[SC_SHA256_HEX], int fd, const char *path, simclr_error *err)
{
    unsigned char digest[DIGEST_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char *chunk = sc_alloc(CHUNK, 1, err);
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    int result = chunk ? 0 : SIMCLR_E_MEMORY;

    while (result == 0 && good) {
        ssize_t got = read(fd, chunk, CHUNK);
        if (got == 0)
            break;
        if (got > 0)
            good = EVP_DigestUpdate(context, chunk, (size_t)got) == 1;
        else if (errno != EINTR)
            result = sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be read", path);
    }
    if (result == 0) {
        if (good && EVP_DigestFinal_ex(context, digest, NULL) == 1)
            to_hex(hex, digest);
        else
            result = sc_fail(err, SIMCLR_E_INTERNAL, "libcrypto: SHA-256 is not available");
    }
    sc_free(chunk);
    EVP_MD_CTX_free(context);
    return result;
}

int sc_sha256_file(char hex[SC_SHA256_HEX], const char *path, simclr_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return sc_fail_errno(err, errno == ENOENT ? SIMCLR_E_NOT_FOUND : SIMCLR_E_IO, errno,
                             "%s: cannot be opened", path);
    int result = 0;
    if (fstat(fd, &st) < 0)
        result = sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be examined", path);
    else if (!S_ISREG(st.st_mode))
        result = sc_fail(err, SIMCLR_E_IO, "%s: not a regular file", path);
    else
        result = hash_descriptor(hex, fd, path, err);
    close(fd);
    return result;
}
