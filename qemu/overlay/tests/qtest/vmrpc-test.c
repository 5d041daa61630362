/*
 * QTest of the vmrpc device: what it refuses, and how it says so
 *
 * What the device does needs KVM on a host kernel that has VMRPC; where there
 * is none, all that can be tested is that the user is told what is missing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qdict.h"

#define NAME_30 "123456789.123456789.123456789."
#define NAME_63 NAME_30 NAME_30 "123"

typedef struct {
    const char *path;
    const char *args;
    const char *message;        /* that QEMU must end with */
} RefusedCase;

static const RefusedCase refused[] = {
    { "no-kvm", "-device vmrpc,name=" NAME_63,
      "vmrpc needs KVM: start with -accel kvm" },
    { "name-empty", "-device vmrpc,name=",
      "'' cannot be the VM's name" },
    { "name-long", "-device vmrpc,name=" NAME_63 "4",
      "cannot be the VM's name" },
    { "name-blank", "-device 'vmrpc,name=a b'",
      "'a b' cannot be the VM's name" },
    { "name-of-vm", "-name 'a b' -device vmrpc",
      "'a b' cannot be the VM's name" },
};

static void test_vmrpc_refused(const void *data)
{
    const RefusedCase *c = data;
    g_autofree char *command = NULL;
    g_autofree char *errors = NULL;
    g_auto(GStrv) argv = NULL;
    GError *err = NULL;
    int status;

    command = g_strdup_printf("%s -M pc -accel tcg -S -nodefaults "
                              "-display none %s",
                              g_getenv("QTEST_QEMU_BINARY"), c->args);
    g_assert_true(g_shell_parse_argv(command, NULL, &argv, &err));
    g_spawn_sync(NULL, argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                 NULL, &errors, &status, &err);
    g_assert_no_error(err);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_nonnull(strstr(errors, c->message));
}

static void test_vmrpc_query_without_device(void)
{
    QTestState *qts = qtest_init("-M pc -nodefaults");
    QDict *response = qtest_qmp(qts, "{ 'execute': 'query-vmrpc' }");
    g_autofree char *text = qtest_hmp(qts, "info vmrpc");

    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(response, "error"), "desc"),
                    ==, "no vmrpc device");
    g_assert_nonnull(strstr(text, "no vmrpc device"));
    qobject_unref(response);
    qtest_quit(qts);
}

static void test_vmrpc_hotplug_refused(void)
{
    QTestState *qts = qtest_init("-M pc -nodefaults");
    QDict *response = qtest_qmp(qts, "{ 'execute': 'device_add', 'arguments': "
                                "{ 'driver': 'vmrpc', 'id': 'v' } }");

    g_assert_true(qdict_haskey(response, "error"));
    qobject_unref(response);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(refused); i++) {
        g_autofree char *path = g_strdup_printf("/vmrpc/refused/%s",
                                                refused[i].path);

        qtest_add_data_func(path, &refused[i], test_vmrpc_refused);
    }
    qtest_add_func("/vmrpc/query-without-device",
                   test_vmrpc_query_without_device);
    qtest_add_func("/vmrpc/hotplug-refused", test_vmrpc_hotplug_refused);
    return g_test_run();
}
