/* SPDX-License-Identifier: MIT
 *
 * test_yaml.c - configuration files: what is refused and where, and what is allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/yaml.h"
#include "core/alloc.h"

static const struct {
    const char *text, *expected;
} BAD[] = {
    {"lr: 0.1\nlr: 0.2\n", "f.yaml:2:1: key given twice: lr"},
    {"optim:\n  lr: 1\n  lr: 2\n", "f.yaml:3:3: key given twice"},
    {"a: &x 1\n", "f.yaml:1:4: anchors"},
    {"a: &x 1\nb: *x\n", "anchors"},
    {"b: *x\n", "f.yaml:1:4: aliases"},
    {"lr: !!float 1\n", "f.yaml:1:5: tags"},
    {"lr: !python/object 1\n", "tags"},
    {"[1, 2]\n", "must hold 'key: value'"},
    {"hello\n", "must hold 'key: value'"},
    {"lr: 1\n---\nlr: 2\n", "second document"},
    {"? [a]\n: 1\n", "a key must be a word"},
    {"lr: [1\n", "not YAML"},
    {"\tlr: 1\n", "not YAML"},
    {"lr: 'abc\n", "not YAML"},
    {"lr: 1: 2\n", "not YAML"},
    {"optim: {lr: 1\n", "not YAML"},
    {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "nested too deeply"},
    {"a: \xff\n", "not YAML"},
    {"%TAG ! tag:x,2000:\n---\nlr: !a 1\n", "tags"},
    {"lrr: 1\n", "f.yaml:1:1: unknown key 'lrr'; did you mean 'lr'?"},
    {"optim:\n  lrr: 1\n", "f.yaml:2:3: unknown key 'optim.lrr'; did you mean 'optim.lr'?"},
    {"optmi:\n  lr: 1\n", "f.yaml:1:1: unknown key 'optmi'"},
    {"optim: 3\n", "f.yaml:1:1: optim: is a group of keys"},
    {"optim:\n  lr: {a: 1}\n", "f.yaml:2:3: optim.lr: is one value, not a group"},
    {"optim:\n  lr:\n", "is not a number"},
    {"optim:\n  lr: [1, 2]\n", "is not a number"},
    {"views:\n  crop_scale: [[1], 2]\n", "not a list of numbers"},
    {"views:\n  crop_scale: 0.5\n", "f.yaml:2:3: views.crop_scale: '0.5' has too few"},
    {"epochs: 1.5\nbatch: x\nlr: -1\n", "f.yaml:2:1: train.batch: 'x' is not a whole number"},
    {"precision: fp16\n", "is not offered"},
    {"train:\n  seed: -1\n", "f.yaml:2:3: train.seed: '-1' is negative"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        sc_config cfg, before;
        simclr_error err = {0, ""};
        sc_config_default(&cfg);
        before = cfg;
        int rc = sc_config_load_text(&cfg, BAD[i].text, strlen(BAD[i].text), "f.yaml", false, NULL,
                                     NULL, &err);
        if (rc != SIMCLR_E_USAGE || strstr(err.text, BAD[i].expected) == NULL) {
            fail_msg("%s: %d '%s', expected '%s'", BAD[i].text, rc, err.text, BAD[i].expected);
        }
        assert_memory_equal(&cfg, &before, sizeof(cfg));
        assert_int_equal(sc_config_load_text(&cfg, BAD[i].text, strlen(BAD[i].text), "f.yaml",
                                             false, NULL, NULL, NULL),
                         SIMCLR_E_USAGE);
    }
}

static const char *const GOOD[] = {
    "",
    "\n",
    "# nothing\n",
    "---\n",
    "---\nlr: 0.25\n...\n",
    "{}\n",
    "lr: 0.25\n",
    "lr: '0.25'\n",
    "lr: \"0.25\"\n",
    "optim.lr: 0.25\n",
    "optim: {lr: 0.25}\n",
    "optim:\n  lr : 0.25 # blank before the colon\n",
    "\xEF\xBB\xBFlr: 0.25\r\nbatch: 64\r\n",
    "optim:\n",
    "projector:\n  layers: []\n",
    "projector:\n  layers:\n",
    "projector: {layers: [64, 32]}\n",
    "views:\n  crop_scale:\n  - 0.1\n  - 0.9\n",
    "data:\n  dataset: ~\n",
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        sc_config cfg;
        simclr_error err = {0, ""};
        sc_config_default(&cfg);
        if (sc_config_load_text(&cfg, GOOD[i], strlen(GOOD[i]), "f.yaml", false, NULL, NULL,
                                &err) != SIMCLR_OK) {
            fail_msg("%s: %s", GOOD[i], err.text);
        }
        if (strstr(GOOD[i], "0.25") != NULL) {
            assert_true(cfg.optim.lr == 0.25);
        }
    }
}

static void test_all_errors_at_once(void **state)
{
    (void)state;
    static const char TEXT[] = "epochs: 1.5\nbatch: x\nlr: -1\n";
    sc_config cfg;
    simclr_error err = {0, ""};
    sc_config_default(&cfg);
    assert_int_equal(sc_config_load_text(&cfg, TEXT, strlen(TEXT), "f", false, NULL, NULL, &err),
                     SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "f:1:1: train.epochs"));
    assert_non_null(strstr(err.text, "\nf:2:1: train.batch"));
    assert_non_null(strstr(err.text, "\nf:3:1: optim.lr"));
    char many[4000] = "";
    for (int i = 0; i < 40; i++) {
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "zzzzzzzzzzzzzzz%d: 1\n", i);
    }
    sc_config_load_text(&cfg, many, strlen(many), "f", false, NULL, NULL, &err);
    assert_string_equal(err.text + strlen(err.text) - 4, "\n...");
}

static void test_limits(void **state)
{
    (void)state;
    simclr_error err = {0, ""};
    sc_config cfg;
    sc_config_default(&cfg);
    size_t size = SC_YAML_BYTES + 1;
    char *big = sc_alloc(size, 1, &err);
    memset(big, ' ', size);
    assert_int_equal(sc_config_load_text(&cfg, big, size, "f", false, NULL, NULL, &err),
                     SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "at most 1048576"));
    memset(big, '[', size - 1); /* deep: refused early */
    big[0] = 'a';
    big[1] = ':';
    big[2] = ' ';
    assert_int_equal(sc_config_load_text(&cfg, big, size - 1, "f", false, NULL, NULL, &err),
                     SIMCLR_E_USAGE);
    size_t used = 0;
    for (int i = 0; i < 600; i++) {
        used += (size_t)snprintf(big + used, size - used, "k%d: 1\n", i);
    }
    assert_int_equal(sc_config_load_text(&cfg, big, used, "f", false, NULL, NULL, &err),
                     SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "f:513:1: more entries"));
    assert_int_equal(sc_config_load_text(&cfg, "lr: \0 1", 7, "f", false, NULL, NULL, &err),
                     SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "NUL byte at offset 4"));
    assert_int_equal(
        sc_config_load_text(&cfg, "data: {dataset: \"a\\0b\"}", 23, "f", false, NULL, NULL, &err),
        SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "NUL in a value"));
    sc_free(big);
    assert_int_equal(sc_config_load_file(&cfg, "/nonexistent/x.yaml", false, NULL, NULL, &err),
                     SIMCLR_E_NOT_FOUND);
}

static void test_tree(void **state)
{
    (void)state;
    static const char TEXT[] = "a:\n  b: [1, x]\n  c: {}\nd: null\n";
    sc_yaml *root = NULL;
    simclr_error err = {0, ""};
    assert_int_equal(sc_yaml_parse(&root, TEXT, strlen(TEXT), "f", &err), 0);
    const sc_yaml *b = sc_yaml_find(root, "a.b");
    assert_non_null(b);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->line, 2);
    assert_int_equal(b->column, 3);
    assert_string_equal(b->first->next->text, "x");
    assert_int_equal(sc_yaml_find(root, "a.c")->kind, SC_YAML_MAP);
    assert_true(sc_yaml_is_null(sc_yaml_find(root, "d")));
    assert_null(sc_yaml_find(root, "a.b.c"));
    sc_yaml_free(root);
    sc_yaml_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
