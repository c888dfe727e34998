import time
from tests.contract import image_builder
def test_first(emulator):
    t=time.time(); r=image_builder.make_registry("firstregistry"); print("import",time.time()-t)
    t=time.time(); ref=image_builder.build_server_image(r); print("build",time.time()-t, ref)
    t=time.time(); ref2=image_builder.build_server_image(r,tag="2"); print("build",time.time()-t, ref2)
    assert ref==ref2
    print(r.tags("greeter"))
    print(emulator.settings.state)
    import subprocess
    print(subprocess.run(["tail","-30",str(emulator.settings.log)],capture_output=True,text=True).stdout)
    r.purge("greeter")
    assert r.digest("greeter","1") is None
